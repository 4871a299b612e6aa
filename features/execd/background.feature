Feature: Commands that go on
  A command in the background outlives its stream. Its state and its output are asked for by the id that init told, and
  the same holds for commands in the foreground.

  @EX-CMD-14 @EX-STATUS-01 @EX-STATUS-02 @EX-STATUS-05 @EX-STATUS-06
  Scenario: A command in the background
    Given a directory of my own
    When I run in the background: echo begun; while [ ! -e ${dir}/go ]; do sleep 0.02; done; echo on; echo and on >&2; echo it went on > ${dir}/mark; exit 3
    Then EX-CMD-14: the stream has the events
      | init execution_complete |
    And EX-CMD-14: the answer took at most 4000 ms
    When I call getCommandStatus for "${id}"
    Then EX-STATUS-02: the answer is 200
    And EX-STATUS-02: the answer says running is true
    And EX-STATUS-05: the status is of "${id}", for the command: echo begun; while [ ! -e ${dir}/go ]; do sleep 0.02; done; echo on; echo and on >&2; echo it went on > ${dir}/mark; exit 3
    And EX-STATUS-06: the answer has no exit_code, or null
    And EX-STATUS-06: the answer has no finished_at, or null
    And EX-STATUS-06: started_at in the answer is now, give or take 10 s
    When I let "${dir}/go" be there
    Then EX-CMD-14: the file "${dir}/mark" is written in time
    And EX-CMD-14: "${dir}/mark" holds "it went on\n"

  @EX-STATUS-01 @EX-STATUS-02 @EX-STATUS-06
  Scenario: The end of a command in the background
    Given a directory of my own
    When I run in the background: while [ ! -e ${dir}/go ]; do sleep 0.02; done; exit 3
    And I let "${dir}/go" be there
    Then EX-STATUS-02: the command is over within 10 s, as its status says
    And EX-STATUS-02: the answer says exit_code is 3
    And EX-STATUS-06: finished_at in the answer is now, give or take 15 s
    And EX-STATUS-06: finished_at in the answer is not before started_at
    When I run in the background: true
    Then EX-STATUS-02: the command is over within 10 s, as its status says
    And EX-STATUS-02: the answer says exit_code is 0
    When I run: sleep 2.5
    And I call getCommandStatus for "${id}"
    Then EX-STATUS-06: finished_at in the answer is at least 2 s after started_at
    And EX-STATUS-06: finished_at is the same when it is asked for 1100 ms later

  @EX-STATUS-02 @EX-STATUS-04 @EX-STATUS-05
  Scenario: The status of a command in the foreground
    When I start: echo on; sleep 300
    And I call getCommandStatus for "${id}"
    Then EX-STATUS-02: the answer says running is true
    When I run: exit 5
    And I call getCommandStatus for "${id}"
    Then EX-STATUS-02: the answer says running is false
    And EX-STATUS-02: the answer says exit_code is 5
    And EX-STATUS-05: the status is of "${id}", for the command: exit 5
    When I remember the id as "first"
    And I call runCommand with
      """
      {"command": "echo  'two  blanks'\necho \"the second line\" "}
      """
    And I call getCommandStatus for "${id}"
    Then EX-STATUS-05: the status is of "${id}", for the command "echo  'two  blanks'\necho \"the second line\" "
    When I call getCommandStatus for "${first}"
    Then EX-STATUS-05: the status is of "${first}", for the command: exit 5
    When I run: true
    And I call getCommandStatus for "${id}"
    Then EX-STATUS-02: the answer says exit_code is 0
    When I run: /no/such/program/anywhere
    And I call getCommandStatus for "${id}"
    Then EX-STATUS-04: the answer says running is false
    And EX-STATUS-04: its exit code is another than 0, or an error says why

  @EX-STATUS-03 @EX-STATUS-01
  Scenario: The status of what never was
    When I run: true
    And I call getCommandStatus for "${unknown}"
    Then EX-STATUS-03: the answer is 404

  @EX-CMD-15 @EX-CMD-16 @EX-CMD-17 @EX-CMD-18 @EX-HTTP-03
  Scenario: Interrupts
    Given a directory of my own
    When I start: sleep 302 & echo $! > ${dir}/child; echo on; wait
    And it has written "on"
    And I interrupt it
    Then EX-CMD-16: the answer is 200
    And EX-HTTP-03: the answer has the header Content-Length: 0
    And EX-CMD-15: it ends within 10 s
    And EX-CMD-15: the exit code is an integer other than 0
    And EX-CMD-17: the process named in "${dir}/child" ends within 10 s
    When I run in the background: sleep 303 & echo $! > ${dir}/second; echo $$ > ${dir}/pid; wait
    And the file "${dir}/pid" is written in time
    And I interrupt it
    Then EX-CMD-16: the answer is 200
    And EX-CMD-15: the process named in "${dir}/pid" ends within 10 s
    And EX-CMD-17: the process named in "${dir}/second" ends within 10 s
    And EX-CMD-15: the command is over within 10 s, as its status says
    When I call interruptCommand with the query "id=${unknown}"
    Then EX-CMD-18: the answer is 404
    When I call interruptCommand
    Then EX-CMD-16: the answer is no success

  @EX-CMD-15
  Scenario: An interrupt of a command that does not listen
    When I start: trap '' TERM INT HUP; echo deaf; while :; do sleep 0.2; done
    And it has written "deaf"
    And I interrupt it
    Then EX-CMD-15: it ends within 10 s
    And EX-CMD-15: the exit code is an integer other than 0

  @EX-CMD-15
  Scenario: An interrupt ends what it names, and nothing else
    When I start: echo mine; sleep 304
    And it has written "mine"
    And I run in the background: exec sleep 305
    And I interrupt it
    Then EX-CMD-15: the command is over within 10 s, as its status says
    And EX-CMD-15: it has not ended

  @EX-CMD-19
  Scenario: Another user
    Given the capability command-options
    And the daemon may change owners
    When I call runCommand with
      """
      {"command": "id -u; id -g", "uid": 1, "gid": 2}
      """
    Then EX-CMD-19: the stdout events are
      | 1 |
      | 2 |
    When I call runCommand with
      """
      {"command": "id -u", "uid": 54321}
      """
    Then EX-CMD-19: stdout is "54321"
    When I call runCommand with
      """
      {"command": "echo user $(id -u), group $(id -g)", "uid": 1, "gid": 2, "background": true}
      """
    And the command is over within 10 s, as its status says
    Then EX-CMD-19: the output or the logs of the command hold "user 1, group 2"
    When I call runCommand with
      """
      {"command": "id -u", "uid": 0}
      """
    Then EX-CMD-19: stdout is "0"

  @EX-CMD-20
  Scenario: A user that can't be taken
    Given the capability command-options
    And a directory of my own
    When I call runCommand with
      """
      {"command": "echo it ran > ${dir}/mark", "uid": -1}
      """
    Then EX-CMD-20: the answer is 400
    When I call runCommand with
      """
      {"command": "echo it ran > ${dir}/mark", "uid": 99999999999}
      """
    Then EX-CMD-20: the answer is 400
    And EX-CMD-20: there is no file "${dir}/mark"
    And EX-CMD-20: where the daemon is not root, uid 0 is answered 400 or taken

  @EX-OUTPUT-01 @EX-OUTPUT-02 @EX-OUTPUT-03 @EX-OUTPUT-04
  Scenario: The output of a command
    Given the capability command-output
    And a directory of my own
    When I run in the background: printf 'one\ntwo\n'; printf 'oops\n' >&2; while [ ! -e ${dir}/go ]; do sleep 0.02; done; printf 'Grüße\n\n  "three"'; printf 'more' >&2
    Then EX-OUTPUT-03: the output holds "one\ntwo\n" and "oops\n" within 5 s
    And EX-OUTPUT-03: the answer says running is true
    When I let "${dir}/go" be there
    And the command is over within 10 s, as its status says
    And I call getCommandOutput for "${id}"
    Then EX-OUTPUT-01: the answer is 200
    And EX-OUTPUT-02: the text stdout in the answer is "one\ntwo\nGrüße\n\n  \"three\"", line ends at its end aside
    And EX-OUTPUT-02: the text stderr in the answer is "oops\nmore", line ends at its end aside
    And EX-OUTPUT-01: the answer says running is false
    When I run: echo out; echo err >&2
    And I call getCommandOutput for "${id}"
    Then EX-OUTPUT-02: the text stdout in the answer is "out\n", line ends at its end aside
    And EX-OUTPUT-02: the text stderr in the answer is "err\n", line ends at its end aside
    When I run: i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done
    And I call getCommandOutput for "${id}"
    Then EX-OUTPUT-02: stdout in the answer is the lines "line 0" to "line 19999"
    When I run: printf '  lead and trail  '
    And I call getCommandOutput for "${id}"
    Then EX-OUTPUT-02: the text stdout in the answer is "  lead and trail  ", line ends at its end aside
    When I run: true
    And I call getCommandOutput for "${id}"
    Then EX-OUTPUT-02: nothing was written, says the answer
    When I call getCommandOutput for "${unknown}"
    Then EX-OUTPUT-04: the answer is 404

  @EX-OUTPUT-05
  Scenario: The output is offered
    When I run: echo out
    And I call getCommandOutput for "${id}"
    Then EX-OUTPUT-05: the answer is 200

  @EX-OUTPUT-03
  Scenario: The output so far
    Given the capability command-output
    And a directory of my own
    When I start: echo on; while [ ! -e ${dir}/go ]; do sleep 0.02; done; echo off >&2; sleep 307
    Then EX-OUTPUT-03: the output holds "on\n" and "" within 5 s
    When I let "${dir}/go" be there
    Then EX-OUTPUT-03: the output holds "on\n" and "off\n" within 5 s
    When I run in the background: while [ ! -e ${dir}/late ]; do sleep 0.02; done; echo late; sleep 308
    Then EX-OUTPUT-03: the output holds "" and "" within 5 s
    When I let "${dir}/late" be there
    Then EX-OUTPUT-03: the output holds "late\n" and "" within 5 s
    When I interrupt it

  @EX-KEPT-01
  Scenario: What a command wrote can be had after its end
    When I run in the background: i=0; while [ $i -lt 300 ]; do echo "kept $i"; i=$((i+1)); done
    And I remember the id as "first"
    And the command is over within 10 s, as its status says
    And I run: i=0; while [ $i -lt 300 ]; do echo "held $i"; i=$((i+1)); done
    And I remember the id as "second"
    And I run: sleep 0.7
    Then EX-KEPT-01: the output or the logs of "${first}" hold the lines "kept 0" to "kept 299"
    And EX-KEPT-01: the output or the logs of "${second}" hold the lines "held 0" to "held 299"

  @EX-LOGS-01 @EX-LOGS-02 @EX-LOGS-03 @EX-LOGS-04 @EX-LOGS-07 @EX-LOGS-08
  Scenario: Following a command by its logs
    Given the capability command-logs
    And a directory of my own
    When I run in the background: echo one; while [ ! -e ${dir}/go ]; do sleep 0.02; done; echo two; while [ ! -e ${dir}/on ]; do sleep 0.02; done; printf 'three € without an end'
    Then EX-LOGS-02: the logs hold "one\n" within 5 s
    And EX-LOGS-03: the logs after the cursor are empty
    And EX-LOGS-04: the cursor is not before any earlier one
    When I let "${dir}/go" be there
    Then EX-LOGS-03: the logs after the cursor hold "two\n" within 5 s
    When I call getCommandLogs for "${id}" with the query "cursor=0"
    Then EX-LOGS-01: the answer is 200
    And EX-LOGS-04: the cursor is not before any earlier one
    When I let "${dir}/on" be there
    Then EX-LOGS-03: the logs after the cursor hold "three € without an end" within 5 s
    And EX-LOGS-03: the logs after the cursor are empty
    And EX-LOGS-04: the cursor is not before any earlier one
    When the command is over within 10 s, as its status says
    Then EX-LOGS-02: the logs hold "one\ntwo\nthree € without an end" within 5 s
    And EX-LOGS-03: the logs after the cursor are empty
    And EX-LOGS-04: the cursor is not before any earlier one
    When I call getCommandLogs for "${id}" with the query "cursor=soon"
    Then EX-LOGS-07: the answer is 400
    When I call getCommandLogs for "${id}" with the query "cursor=1x"
    Then EX-LOGS-07: the answer is 400
    When I call getCommandLogs for "${id}" with the query "cursor=-1"
    Then EX-LOGS-07: the answer is 400
    When I call getCommandLogs for "${unknown}"
    Then EX-LOGS-08: the answer is 404

  @EX-LOGS-02 @EX-LOGS-03
  Scenario: Long logs, and those of errors
    Given the capability command-logs
    When I run in the background: i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done
    And the command is over within 30 s, as its status says
    Then EX-LOGS-02: the logs hold every line "line 0" to "line 19999", in order
    When I remember the cursor
    Then EX-LOGS-03: the logs after the cursor are empty
    When I run in the background: echo only an error >&2
    Then EX-LOGS-02: the logs hold "only an error\n" within 5 s

  @EX-LOGS-05 @EX-LOGS-06
  Scenario: Logs as they may be expected
    Given the capability command-logs
    When I run: echo in the foreground; echo and an error >&2
    Then EX-LOGS-05: the logs hold "in the foreground\nand an error\n" or, in another order, these lines
    When I run in the background: echo 1; sleep 0.3; echo 2 >&2; sleep 0.3; echo 3; sleep 0.3; echo 4 >&2
    And the command is over within 10 s, as its status says
    Then EX-LOGS-06: the logs hold "1\n2\n3\n4\n" within 5 s

  @long @EX-STREAM-18
  Scenario: A long silence
    When I run: sleep 18
    Then EX-STREAM-18: the stream shows a sign of life
    And EX-STREAM-18: it was never silent for longer than 16500 ms

  @EX-AUTH-04
  Scenario: The token is not for commands
    Then EX-AUTH-04: the token is in no environment and no command line that a command can read

  @EX-HTTP-04
  Scenario: A mistake of the caller is never the server's
    Given a directory of my own
    When I send GET to an unknown path
    Then EX-HTTP-04: the answer is no 5xx
    When I send a method that its path does not have
    Then EX-HTTP-04: the answer is no 5xx
    When I call ping with a wrong key
    Then EX-HTTP-04: the answer is no 5xx
    And EX-HTTP-04: none of these mistakes is answered with a 5xx
      | operation        | query                             | body                                                       |
      | runCommand       |                                   |                                                            |
      | runCommand       |                                   | {"command": null}                                          |
      | runCommand       |                                   | {"command": "true", "cwd": "${dir}/missing"}               |
      | runCommand       |                                   | {"command": "true", "timeout": -1}                         |
      | runCommand       |                                   | {"command": "true", "envs": 7}                             |
      | interruptCommand |                                   |                                                            |
      | interruptCommand | id=${unknown}                     |                                                            |
      | getCommandStatus |                                   |                                                            |
      | getCommandOutput |                                   |                                                            |
      | getCommandLogs   | cursor=99999999999999999999999999 |                                                            |
      | runInSession     |                                   | {"command": "true"}                                        |
      | deleteSession    |                                   |                                                            |
      | createSession    |                                   | {"cwd": "${dir}/missing"}                                  |
      | createCodeContext |                                  | {"language": "osc-no-such-language"}                       |
      | createCodeContext |                                  | {"language": 7}                                            |
      | deleteContext    |                                   |                                                            |
      | deleteContextsByLanguage |                           |                                                            |
      | runCode          |                                   | {"code": "1", "context": {"id": "${unknown}", "language": "python"}} |
      | runCode          |                                   | {"code": "1", "context": {"language": "osc-no-such-language"}} |
      | interruptCode    | id=${unknown}                     |                                                            |
      | getFilesInfo     |                                   |                                                            |
      | getFilesInfo     | path=${dir}/missing               |                                                            |
      | getFilesInfo     | path=${dir}/a%00b                 |                                                            |
      | removeFiles      |                                   |                                                            |
      | removeFiles      | path=${dir}                       |                                                            |
      | chmodFiles       |                                   | {"${dir}/missing": {"mode": 600}}                          |
      | chmodFiles       |                                   | {"${dir}": {"owner": "osc-no-such-user"}}                  |
      | chmodFiles       |                                   | []                                                         |
      | renameFiles      |                                   | [{"src": "${dir}/missing", "dest": "${dir}/there"}]        |
      | renameFiles      |                                   | {}                                                         |
      | searchFiles      |                                   |                                                            |
      | searchFiles      | path=${dir}/missing               |                                                            |
      | replaceContent   |                                   | {"${dir}/missing": {"old": "a", "new": "b"}}               |
      | replaceContent   |                                   | {"${dir}": {"old": "a", "new": "b"}}                       |
      | uploadFile       |                                   | {}                                                         |
      | downloadFile     |                                   |                                                            |
      | downloadFile     | path=${dir}                       |                                                            |
      | downloadFile     | path=${dir}/missing               |                                                            |
      | downloadFile     | path=${dir}/missing&offset=0      |                                                            |
      | makeDirs         |                                   | {"${dir}/made": {"owner": "osc-no-such-user"}}             |
      | makeDirs         |                                   | "text"                                                     |
      | removeDirs       |                                   |                                                            |
      | listDirectory    |                                   |                                                            |
      | listDirectory    | path=${dir}&depth=deep            |                                                            |
