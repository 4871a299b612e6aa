Feature: Pause and resume
  A paused sandbox stands still and goes on where it stood.

  @LC-PAUSE-01 @LC-PAUSE-02 @LC-PAUSE-03 @LC-PAUSE-04 @LC-RESUME-01 @LC-RESUME-02 @LC-RESUME-03 @LC-RESUME-04
  @LC-STATE-01 @LC-STATE-02
  Scenario: Pause and resume
    Given a sandbox
    When I call resumeSandbox
    Then LC-RESUME-02: the answer is 409
    Given a directory of my own
    When I run in the sandbox: echo kept > ${dir}/file; (last=$(date +%s); i=0; while :; do i=$((i+1)); now=$(date +%s); if [ $((now-last)) -ge 2 ]; then echo $((now-last)) > ${dir}/gap; fi; last=$now; echo $i > ${dir}/next; mv ${dir}/next ${dir}/count; sleep 0.05; done) > /dev/null 2>&1 & echo $! > ${dir}/pid; while [ ! -e ${dir}/count ]; do sleep 0.05; done
    And I call pauseSandbox
    Then LC-PAUSE-01: the answer is 202
    And LC-PAUSE-03: the sandbox becomes Paused
    And LC-PAUSE-04: the sandbox has the expiry that it was created with
    When I call pauseSandbox
    Then LC-PAUSE-02: the answer is 409
    And LC-PAUSE-03: execd in the sandbox does not answer any more
    When the sandbox has been Paused for 4 s
    When I call resumeSandbox
    Then LC-RESUME-01: the answer is 202
    And LC-RESUME-03: the sandbox becomes Running
    And LC-RESUME-03: execd in the sandbox is reached at its endpoint
    When I run in the sandbox: cat ${dir}/file
    Then LC-RESUME-03: stdout is "kept"
    And LC-PAUSE-04: the sandbox has the expiry that it was created with
    When I run in the sandbox: kill -0 $(cat ${dir}/pid) || exit 1; read a < ${dir}/count; i=0; while [ $i -lt 100 ]; do read b < ${dir}/count; if [ "$b" -gt "$((a+1))" ]; then echo alive; exit 0; fi; sleep 0.1; i=$((i+1)); done
    Then LC-RESUME-04: stdout is "alive"
    And LC-PAUSE-03: a process that is still there has seen the time jump, by "${dir}/gap"
    And LC-STATE-01: the states seen follow the table of states
    And LC-STATE-02: lastTransitionAt of the states seen never goes back and changes with the state

  @LC-PAUSE-03 @LC-RESUME-03
  Scenario: A stream over a pause
    Given a sandbox
    When I start, over a pause: i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done
    And it has written "3"
    And I pause the sandbox
    Then LC-PAUSE-03: nothing more comes, for 2 s
    When I call resumeSandbox
    Then LC-RESUME-03: the sandbox becomes Running
    When I run in the sandbox: echo again
    Then LC-RESUME-03: stdout is "again"

  @LC-PAUSE-05 @LC-RESUME-05 @LC-PAUSE-01 @LC-RESUME-01
  Scenario: Pausing an id that no sandbox has
    When I call pauseSandbox for an unknown sandbox
    Then LC-PAUSE-05: the answer is 404
    When I call resumeSandbox for an unknown sandbox
    Then LC-RESUME-05: the answer is 404
