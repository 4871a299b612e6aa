Feature: Delete a sandbox
  A delete ends the sandbox and everything in it, in whatever state it is.

  @LC-DELETE-01 @LC-DELETE-03 @LC-DELETE-06 @LC-LIST-07 @LC-STATE-01 @LC-STATE-02 @LC-DOC-01
  Scenario: Deleting a running sandbox
    Given a sandbox
    And execd in the sandbox is reached at its endpoint
    When I call deleteSandbox
    Then LC-DELETE-01: the answer is 204
    And LC-DELETE-03: the sandbox is gone, and stays so
    And LC-DELETE-06: execd in the sandbox does not answer any more
    And LC-LIST-07: a sandbox that is 404 is in no list
    And LC-STATE-01: the states seen follow the table of states
    And LC-STATE-02: lastTransitionAt of the states seen never goes back and changes with the state

  @LC-DELETE-02 @LC-DELETE-01
  Scenario: Deleting an id that no sandbox has
    When I call deleteSandbox for an unknown sandbox
    Then LC-DELETE-02: the answer is 404

  @LC-DELETE-04 @LC-PAUSE-02 @LC-RESUME-02
  Scenario: Deleting a paused sandbox
    Given a sandbox
    When I pause the sandbox
    And I call deleteSandbox
    Then LC-DELETE-04: the answer is 204
    And LC-DELETE-04: the sandbox is gone, and stays so
    When I call pauseSandbox
    Then LC-PAUSE-02: the answer is 404 or 409
    When I call resumeSandbox
    Then LC-RESUME-02: the answer is 404 or 409

  @LC-DELETE-05 @LC-DELETE-03
  Scenario: Deleting a sandbox that was just created
    When I create a sandbox
    And I call deleteSandbox
    Then LC-DELETE-05: the answer is 204, or 409 and 204 once the sandbox is Running
    And LC-DELETE-03: the sandbox is gone where the answer was 204, and stays so
