Feature: The end of a sandbox
  A sandbox ends by itself when its time is over, and its time can be moved.

  @long @LC-EXPIRE-02 @LC-RENEW-06
  Scenario: Its time runs out
    When I create a sandbox with
      """
      {"timeout": 60}
      """
    Then the sandbox becomes Running
    And LC-EXPIRE-02: the sandbox ends by itself within 30 s of its expiry, and not before
    When I renew the sandbox to 300 s from now
    Then LC-RENEW-06: the answer is 404 or 409

  @long @LC-EXPIRE-03
  Scenario: Its time runs out while it is paused
    When I create a sandbox with
      """
      {"timeout": 60}
      """
    Then the sandbox becomes Running
    When I pause the sandbox
    Then LC-EXPIRE-03: the sandbox ends by itself within 30 s of its expiry, and not before

  @long @LC-RENEW-05
  Scenario: Its time runs out after it was given more
    When I create a sandbox with
      """
      {"timeout": 60}
      """
    Then the sandbox becomes Running
    When I renew the sandbox to 300 s from now
    Then the answer is 200
    And LC-RENEW-05: the sandbox still runs 3 s after the expiry that it was created with

  @LC-RENEW-01 @LC-RENEW-02 @LC-RENEW-03 @LC-RENEW-04 @LC-RENEW-07 @LC-RENEW-09
  Scenario: Moving the end
    Given a sandbox
    When I renew the sandbox to 400 s from now
    Then LC-RENEW-01: the answer is 200
    And LC-RENEW-03: the answer and the sandbox have the expiry asked for, to the second
    When I renew the sandbox to 430 s from now, told in another zone
    Then LC-RENEW-03: the answer and the sandbox have the expiry asked for, to the second
    When I renew the sandbox to -60 s from now
    Then LC-RENEW-02: the answer is 400
    When I renew the sandbox to 360 s from now
    Then LC-RENEW-09: the answer is 400
    And LC-RENEW-04: the answer is 200 and that expiry holds, or 400 and the one before does
    And LC-RENEW-07: renewSandboxExpiration refuses each of these with 400
      | what              | body                                  |
      | no time           | {}                                    |
      | a number          | {"expiresAt": ${in 850 s, as a number}} |
      | no date           | {"expiresAt": "tomorrow"}             |
      | a date that isn't | {"expiresAt": "2099-02-31T00:00:00Z"} |
      | no zone           | {"expiresAt": "${in 850 s, no zone}"} |
      | not JSON          | expiresAt=2099-01-01T00:00:00Z        |
    And LC-RENEW-07: the sandbox still has the expiry of the last renewal

  @LC-RENEW-08 @LC-RENEW-01
  Scenario: Moving the end of an id that no sandbox has
    When I call renewSandboxExpiration for an unknown sandbox with
      """
      {"expiresAt": "${in 300 s}"}
      """
    Then LC-RENEW-08: the answer is 404
