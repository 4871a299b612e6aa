Feature: Shell commands
  A command runs in the sandbox and its output is streamed while it runs.

  @EX-CMD-01 @EX-CMD-02 @EX-CMD-04 @EX-STREAM-17
  Scenario: How a command ends
    When I run: true
    Then EX-CMD-01: the stream ends in execution_complete
    And EX-STREAM-17: no status event came
    When I run: exit 7
    Then EX-CMD-02: the exit code is 7
    And EX-CMD-04: the error has the ename CommandExecError
    When I run: exit 200
    Then EX-CMD-02: the exit code is 200
    When I run: no-such-command-anywhere
    Then EX-CMD-02: the exit code is 127

  @EX-CMD-03
  Scenario: A command that is killed
    When I run: kill -9 $$
    Then EX-CMD-03: the exit code is an integer other than 0

  @EX-CMD-05 @EX-CMD-06 @EX-CMD-07
  Scenario: Where a command runs
    Given a directory of my own
    When I call runCommand with
      """
      {"command": "pwd -P", "cwd": "${dir}"}
      """
    Then EX-CMD-05: stdout is "${dir}"
    When I run: mkdir "${dir}/it's a \"place\"" && echo it is a file > ${dir}/file && echo made
    Then stdout is "made"
    When I call runCommand with
      """
      {"command": "pwd -P", "cwd": "${dir}/it's a \"place\""}
      """
    Then EX-CMD-05: stdout is "${dir}/it's a \"place\""
    When I call runCommand with
      """
      {"command": "echo it ran > ${dir}/elsewhere", "cwd": "${dir}/file"}
      """
    Then EX-CMD-07: the answer is 400
    And EX-CMD-06: there is no file "${dir}/elsewhere"
    When I call runCommand with
      """
      {"command": "echo it ran > ${dir}/elsewhere", "cwd": "${dir}/missing"}
      """
    Then EX-CMD-07: the answer is 400
    And EX-CMD-06: there is no file "${dir}/elsewhere"

  @EX-CMD-08
  Scenario: The client goes away
    Given a directory of my own
    When I run until the first line: echo $$; exec sleep 300
    Then EX-CMD-08: the process of that line ends within 10 s

  @EX-CMD-09 @EX-CMD-01 @EX-DOC-01
  Scenario: Commands that make no sense
    Given a directory of my own
    Then EX-CMD-09: runCommand refuses each of these with 400
      | what               | body                                                       |
      | text behind it     | {"command": "echo it ran > ${dir}/mark"} and more          |
      | no command         | {"cwd": "/"}                                               |
      | a number           | {"command": 7}                                             |
      | a list             | ["echo it ran > ${dir}/mark"]                              |
      | not JSON           | command=echo                                               |
      | cut off            | {"command": "echo it ran > ${dir}/mark"                    |
      | cwd is a number    | {"command": "echo it ran > ${dir}/mark", "cwd": 7}         |
      | background is text | {"command": "echo it ran > ${dir}/mark", "background": "no"} |
    And EX-CMD-09: there is no file "${dir}/mark"

  @EX-CMD-10 @EX-CMD-13
  Scenario: A command that takes too long
    Given the capability command-options
    And a directory of my own
    When I call runCommand with
      """
      {"command": "sleep 301 & echo $! > ${dir}/child; wait", "timeout": 300}
      """
    Then EX-CMD-10: the answer took at most 5300 ms
    And EX-CMD-10: the exit code is an integer other than 0
    And EX-CMD-13: the process named in "${dir}/child" ends within 10 s

  @EX-CMD-11
  Scenario: The environment of a command
    Given the capability command-options
    When I call runCommand with
      """
      {"command": "echo \"$OSC_ONE:$OSC_TWO\"", "envs": {"OSC_ONE": "1", "OSC_TWO": "a b=c"}}
      """
    Then EX-CMD-11: stdout is "1:a b=c"
    When I call runCommand with
      """
      {"command": "printf '%s|' \"$HOME\" \"$OSC_ODD\" \"$OSC_LINES\"", "envs": {"HOME": "/osc home", "OSC_ODD": "it's \"$HOME\" `id` \\\\", "OSC_LINES": "a\nb"}}
      """
    Then EX-CMD-11: stdout is the bytes "/osc home|it's \"$HOME\" `id` \\\\|a\nb|"

  @EX-CMD-12
  Scenario: A group without a user
    Given the capability command-options
    Then EX-CMD-12: runCommand refuses each of these with 400
      | what            | body                             |
      | gid without uid | {"command": "true", "gid": 1000} |
