Feature: Code contexts
  Contexts are created for a language, listed, looked at and deleted.

  @EX-CONTEXT-01 @EX-CONTEXT-02 @EX-CONTEXT-04 @EX-CONTEXT-07 @EX-CONTEXT-09 @EX-CONTEXT-10 @EX-HTTP-03
  Scenario: From creation to deletion
    Given the language python
    And a context z of python
    And a context a of python
    And a context b of python
    And a context other of javascript, where it is offered
    Then EX-CONTEXT-07: the list of python has the contexts "z a b" and not "other"
    When in a I run: import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); osc = 1; print(os.getpid())
    And I remember the process of that line
    And in b I run: osc = "kept"
    And in z I run: osc = "kept too"
    And I delete the context a
    Then EX-CONTEXT-04: the answer is 200
    And EX-HTTP-03: the answer has the header Content-Length: 0
    And EX-CONTEXT-09: the process of that line ends within 10 s
    When in b I run: print(osc)
    Then EX-CONTEXT-09: stdout is "kept"
    When in z I run: print(osc)
    Then EX-CONTEXT-09: stdout is "kept too"
    And EX-CONTEXT-07: the list of python has the contexts "z b" and not "a"
    When I delete the context a
    Then EX-CONTEXT-10: the answer is 404

  @EX-CONTEXT-13 @EX-CONTEXT-02
  Scenario: Contexts of every language
    Given the language python
    And a context a of python
    And a context other of javascript, where it is offered
    When I call listContexts
    Then EX-CONTEXT-13: the list has the contexts "a other", where they are offered

  @EX-CONTEXT-09
  Scenario: Deleting a context whose code runs
    Given the language python
    And a directory of my own
    And a context a of python
    When I start in a, to be interrupted
      """
      import os, time
      print(os.getpid(), flush=True)
      time.sleep(300)
      """
    And it has written a line, its process
    And I delete the context a
    Then EX-CONTEXT-09: the process of that line ends within 10 s

  @EX-CONTEXT-03 @EX-CONTEXT-08
  Scenario: Looking at a context
    Given the language python
    And the capability code-context-get
    And a context a of python
    And a context b of python
    And a context other of javascript, where it is offered
    When I look at the context a
    Then EX-CONTEXT-08: the answer is about the context a
    And EX-CONTEXT-08: the language in the answer is python
    When I look at the context other, where there is one
    Then EX-CONTEXT-08: the answer is about the context other, a javascript one, where there is one
    When I delete the context a
    And I look at the context a
    Then EX-CONTEXT-08: the answer is 404

  @EX-CODE-06 @EX-CONTEXT-02 @EX-CONTEXT-05 @EX-CONTEXT-11 @EX-CONTEXT-12 @EX-CONTEXT-01 @EX-HTTP-03
  Scenario: All contexts of a language at once
    Given the language python, used by no other scenario
    And a directory of my own
    And a context a of python
    And a context b of python
    And a context other of javascript, where it is offered
    When where there is a context other, in it I run: osc = "kept"
    And I remember the contexts of python
    Then EX-CONTEXT-12: createCodeContext refuses each of these with 400
      | what           | body                                 |
      | a number       | {"language": 7}                      |
      | a list         | ["python"]                           |
      | a list within  | {"language": ["python"]}             |
      | not JSON       | language=python                      |
      | cut off        | {"language": "python"                |
      | text behind it | {"language": "python"} and more      |
    And EX-CONTEXT-12: python has no other contexts than those
    When in a I run: import os; print(os.getpid())
    And I remember the process of that line
    And I start in b, to be interrupted
      """
      import os, time
      open("${dir}/busy", "w").write(str(os.getpid()))
      print("on", flush=True)
      time.sleep(300)
      """
    And it has written "on"
    And I call deleteContextsByLanguage with the query "language=python"
    Then EX-CONTEXT-05: the answer is 200
    And EX-HTTP-03: the answer has the header Content-Length: 0
    And EX-CONTEXT-11: the list of python has the contexts "" and not "a b"
    And EX-CONTEXT-11: the process of that line ends within 10 s
    And EX-CONTEXT-11: the process named in "${dir}/busy" ends within 10 s
    When in b I run: open("${dir}/mark", "w").write("it ran")
    Then EX-CONTEXT-11: the answer is no success
    And EX-CODE-06: the answer is no success
    And EX-CODE-06: there is no file "${dir}/mark"
    When where there is a context other, in it I run: console.log(osc)
    Then EX-CONTEXT-11: where there is a context other, stdout is "kept"

  @EX-CONTEXT-08 @EX-CONTEXT-11
  Scenario: Looking at a context that went with its language
    Given the language python, used by no other scenario
    And the capability code-context-get
    And a context a of python
    When I call deleteContextsByLanguage with the query "language=python"
    Then EX-CONTEXT-11: the answer is 200
    When I look at the context a
    Then EX-CONTEXT-08: the answer is 404
