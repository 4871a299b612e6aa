Feature: Code
  A piece of code runs in a context: an interpreter that stays, with its variables, until the context is deleted.

  @EX-CODE-25 @EX-CODE-01 @EX-CONTEXT-01
  Scenario: Python is there
    Then EX-CODE-25: python is offered where the image has the interpreter

  @EX-CODE-26
  Scenario Outline: <language> is there
    Then EX-CODE-26: <language> is offered where the image has the interpreter

    Examples:
      | language   |
      | javascript |
      | bash       |

  @EX-CODE-03 @EX-CODE-04 @EX-CODE-24 @EX-CODE-01 @EX-CONTEXT-06
  Scenario: Variables stay in their context
    Given the language python
    When a context a of python
    Then EX-CONTEXT-06: the language in the answer is python
    When a context b of python
    Then EX-CONTEXT-06: the contexts a and b have ids of their own
    When in a I run: osc = 41
    Then EX-CODE-01: the stream ends in execution_complete
    And EX-CODE-24: the text of init is "${context a}"
    When in b I run: print("osc" in globals())
    Then EX-CODE-04: stdout is "False"
    When in b I run: osc = 7
    And in a I run
      """
      osc += 1
      def double(x):
          return 2 * x
      """
    And in a I run: print(osc, double(4))
    Then EX-CODE-03: stdout is "42 8"
    And EX-CODE-24: the text of init is "${context a}"
    When in b I run: print(osc)
    Then EX-CODE-04: stdout is "7"
    When in a I run: 1 / 0
    And in a I run: print(osc)
    Then EX-CODE-03: stdout is "42"
    When a context late of python
    And in late I run: print("osc" in globals())
    Then EX-CODE-04: stdout is "False"
    When in a I run: import json as osc_json
    And in a I run: print(osc_json.dumps([1]))
    Then EX-CODE-03: stdout is "[1]"

  @EX-CODE-05 @EX-CODE-04 @EX-CODE-11 @EX-CODE-25
  Scenario: The default context of a language
    Given the language python
    And a context own of python
    When in the default context of python I run: osc_${mark} = "kept"
    And a context newer of python
    And in the default context of python I run: print(osc_${mark})
    Then EX-CODE-05: stdout is "kept"
    And EX-CODE-25: stdout is "kept"
    When in own I run: print("osc_${mark}" in globals())
    Then EX-CODE-04: stdout is "False"
    When in newer I run: print("osc_${mark}" in globals())
    Then EX-CODE-04: stdout is "False"
    When in the default context of python I run: 1 / 0
    And in the default context of python I run: print(osc_${mark})
    Then EX-CODE-05: stdout is "kept"
    When I start in the default context of python, to be interrupted
      """
      print("on", flush=True)
      while True: pass
      """
    And it has written "on"
    And I interrupt the code
    Then EX-CODE-11: it ends within 10 s

  @EX-CODE-03 @EX-CODE-04 @EX-CODE-05 @EX-CODE-17 @EX-CODE-18 @EX-CODE-21 @EX-CODE-26 @EX-CONTEXT-06
  Scenario: JavaScript
    Given the language javascript
    And the language python
    And a context p of python
    When a context a of javascript
    Then EX-CONTEXT-06: the language in the answer is javascript
    And EX-CONTEXT-06: the contexts a and p have ids of their own
    When a context b of javascript
    And in a I run: let osc = 41
    And in a I run: osc += 1; console.log(osc)
    Then EX-CODE-03: stdout is "42"
    And EX-CONTEXT-06: stdout is "42"
    When in b I run: console.log(typeof osc)
    Then EX-CODE-04: stdout is "undefined"
    When in the default context of javascript I run: globalThis.osc_${mark} = "kept"
    And in the default context of javascript I run: console.log(osc_${mark})
    Then EX-CODE-05: stdout is "kept"
    And EX-CODE-26: stdout is "kept"
    When in a I run: console.log(typeof osc_${mark})
    Then EX-CODE-04: stdout is "undefined"
    When in a I run: osc + 1
    Then EX-CODE-21: the result is "43"
    When in a I run: throw new TypeError("it broke")
    Then EX-CODE-17: the error has the ename TypeError
    And EX-CODE-17: the evalue is "it broke"
    And EX-CODE-18: the traceback is not empty

  @EX-CODE-03 @EX-CODE-04 @EX-CODE-05 @EX-CODE-26
  Scenario: Bash
    Given the language bash
    And a context a of bash
    And a context b of bash
    When in a I run: osc=41
    And in a I run: echo $((osc + 1))
    Then EX-CODE-03: stdout is "42"
    When in b I run: echo "[$osc]"
    Then EX-CODE-04: stdout is "[]"
    When in the default context of bash I run: osc_${mark}=kept
    And in the default context of bash I run: echo "$osc_${mark}"
    Then EX-CODE-05: stdout is "kept"
    And EX-CODE-26: stdout is "kept"
    When in a I run: echo "[$osc_${mark}]"
    Then EX-CODE-04: stdout is "[]"

  @EX-CODE-06 @EX-CODE-08 @EX-CODE-01
  Scenario: A context that is not there
    Given the language python
    And a directory of my own
    And a context gone of python
    And I delete the context gone
    When in gone I run: open("${dir}/mark", "w").write("it ran")
    Then EX-CODE-06: the answer is no success
    And EX-CODE-08: the answer is 404
    When I call runCode with
      """
      {"code": "open('${dir}/mark', 'w').write('it ran')", "context": {"id": "${unknown}", "language": "python"}}
      """
    Then EX-CODE-06: the answer is no success
    And EX-CODE-08: the answer is 404
    And EX-CODE-06: there is no file "${dir}/mark"

  @EX-CODE-07 @EX-CODE-09 @EX-CODE-01 @EX-CONTEXT-01
  Scenario: A language that is not there
    Given the language python
    And a directory of my own
    When I call createCodeContext with
      """
      {"language": "osc-no-such-language"}
      """
    Then EX-CODE-07: the answer is no success
    And EX-CODE-09: the answer is 400
    And EX-CODE-09: the message names every language that is offered
    And EX-CODE-07: no context of osc-no-such-language is listed
    When I call runCode with
      """
      {"code": "echo it ran > ${dir}/mark", "context": {"language": "osc-no-such-language"}}
      """
    Then EX-CODE-07: the answer is no success
    And EX-CODE-09: the answer is 400
    And EX-CODE-09: the message names every language that is offered
    When I call runCode with
      """
      {"code": "open('${dir}/mark', 'w').write('it ran')", "context": {"language": "osc-no-such-language"}}
      """
    Then EX-CODE-07: the answer is no success
    And EX-CODE-07: there is no file "${dir}/mark"

  @EX-CODE-10
  Scenario: Code without a context
    Given the language python
    When I call runCode with
      """
      {"code": "osc=40\necho \"sum $((osc + 2))\"\nexit 4"}
      """
    Then EX-CODE-10: stdout is "sum 42"

  @EX-CODE-11 @EX-CODE-12 @EX-CODE-13 @EX-CODE-02 @EX-HTTP-03
  Scenario Outline: An interrupt ends <what>
    Given the language python
    And a directory of my own
    And a context a of python
    And a context b of python
    When in a I run: import time; osc = time.time_ns(); print(osc)
    And I remember that line
    And I start in a, to be interrupted
      """
      import time
      print("on", flush=True)
      <code>
      open("${dir}/mark", "w").write("it went on")
      """
    And it has written "on"
    And in b I let this run beside it: import time; time.sleep(300)
    And I interrupt the code
    Then EX-CODE-02: the answer is 200
    And EX-HTTP-03: the answer has the header Content-Length: 0
    And EX-CODE-11: it ends within 10 s
    And EX-CODE-13: it has a terminal event
    When in a I run: print("next")
    Then EX-CODE-11: stdout is "next"
    When in a I run: print(osc)
    Then EX-CODE-12: stdout is that line
    And EX-CODE-11: there is no file "${dir}/mark"

    Examples:
      | what         | code             |
      | a tight loop | while True: pass |
      | a sleep      | time.sleep(300)  |

  @EX-CODE-14 @EX-CODE-02
  Scenario: An interrupt of what never was
    Given the language python
    When I call interruptCode with the query "id=${unknown}"
    Then EX-CODE-14: the answer is 404

  @EX-CODE-15 @EX-CODE-16
  Scenario: One piece of code at a time
    Given the language python
    And a directory of my own
    And a context a of python
    When I start in a
      """
      import time
      log = open("${dir}/order", "a")
      log.write("a1 "); log.flush()
      print("on", flush=True)
      time.sleep(2)
      print("late", flush=True)
      log.write("a2 "); log.close()
      """
    And it has written "on"
    And in a I run twice at once: log = open("${dir}/order", "a"); log.write("b "); log.close(); print("b")
    Then EX-CODE-15: each of the two wrote "b", or nothing
    And EX-CODE-16: each of the two ended in execution_complete
    When it ends within 20 s
    Then EX-CODE-15: "${dir}/order" holds one of "a1 a2 b b ", "a1 a2 b ", "a1 a2 "
    And EX-CODE-15: stdout is "onlate"
    And EX-CODE-16: "${dir}/order" holds "a1 a2 b b "

  @EX-CODE-17 @EX-CODE-18 @EX-CODE-01
  Scenario: Code that raises
    Given the language python
    And a context a of python
    When in a I run: 1 / 0
    Then EX-CODE-17: the error has the ename ZeroDivisionError
    And EX-CODE-17: the evalue is "division by zero"
    And EX-CODE-18: the traceback is not empty
    When in a I run
      """
      class OscError(Exception):
          pass
      osc_set = 1
      raise OscError("it's \"broken\"")
      """
    Then EX-CODE-17: the error has the ename OscError
    And EX-CODE-17: the evalue is "it's \"broken\""
    When in a I run: print(osc_set)
    Then EX-CODE-17: stdout is "1"
    When in a I run: def broken(
    Then EX-CODE-17: the error has the ename SyntaxError
    And EX-CODE-18: the traceback is not empty

  @EX-CODE-19
  Scenario: What code writes
    Given the language python
    And a context a of python
    When in a I run
      """
      import sys
      print("one"); print(); print("Grüße € 🦊"); print("  <b>lead &amp; trail</b>  ")
      sys.stderr.write("ooöps\n")
      sys.stdout.write("no line end")
      """
    Then EX-CODE-19: stdout is "oneGrüße € 🦊  <b>lead &amp; trail</b>  no line end"
    And EX-CODE-19: stderr is "ooöps"
    And EX-CODE-19: nothing came behind the terminal event
    When in a I run
      """
      for i in range(5000):
          print("line", i)
      """
    Then EX-CODE-19: stdout is the lines "line 0" to "line 4999"
    When in a I run
      """
      import sys
      for i in range(200):
          print("err", i, file=sys.stderr)
      print("x" * 300000)
      """
    Then EX-CODE-19: stderr is the lines "err 0" to "err 199"
    And EX-CODE-19: stdout is "x" 300000 times

  @EX-CODE-20
  Scenario: Output comes while the code runs
    Given the language python
    And a directory of my own
    And a context a of python
    When I start in a
      """
      import os, sys, time
      def wait(name):
          while not os.path.exists("${dir}/" + name): time.sleep(0.02)
      wait("go1"); print("one", flush=True)
      wait("go2"); print("oops", file=sys.stderr, flush=True)
      wait("go3"); print("two", flush=True)
      wait("go4")
      """
    Then EX-CODE-20: I make the file "${dir}/go1", and in time stdout has "one"
    And EX-CODE-20: I make the file "${dir}/go2", and in time stderr has "oops"
    And EX-CODE-20: I make the file "${dir}/go3", and in time stdout has "two"
    When I let "${dir}/go4" be there
    Then it ends within 10 s

  @EX-CODE-21 @EX-CODE-22 @EX-CODE-23 @EX-STREAM-03 @EX-STREAM-11
  Scenario: Values, and how they are counted
    Given the language python
    And a context b of python
    And a context a of python
    When in a I run: 40 + 2
    Then EX-CODE-21: the result is "42"
    And EX-CODE-23: execution_count came before the result, where both came
    When in a I run: osc = 1
    Then EX-CODE-21: no result came
    When in b I run, beside it: 1 + 1
    And in a I run: 1 / 0
    And in a I run
      """
      osc += 1
      "a" * osc
      """
    Then EX-CODE-21: the result is "'aa'"
    When in a I run
      """
      class Two:
          def __repr__(self): return "one\ntwo"
      Two()
      """
    Then EX-CODE-21: the result is "one\ntwo"
    And EX-CODE-22: the execution counts of the context were "1 2 3 4 5", where any came

  @EX-CODE-27 @EX-CODE-01
  Scenario: Code requests that make no sense
    Given the language python
    And a directory of my own
    Then EX-CODE-27: runCode refuses each of these with 400
      | what            | body                                                                                        |
      | no code         | {"context": {"language": "python"}}                                                         |
      | a number        | {"code": 7, "context": {"language": "python"}}                                              |
      | a list          | ["open('${dir}/mark', 'w')"]                                                                |
      | not JSON        | code=print                                                                                  |
      | cut off         | {"code": "open('${dir}/mark', 'w')", "context": {"language": "python"}                      |
      | text behind it  | {"code": "open('${dir}/mark', 'w')", "context": {"language": "python"}} and more            |
      | context is text | {"code": "open('${dir}/mark', 'w')", "context": "python"}                                   |
    And EX-CODE-27: there is no file "${dir}/mark"
