Feature: Limits, and sandboxes that end by themselves
  What a sandbox may use is said when it is created, and it ends when its entry process does.

  @LC-LIMIT-03 @LC-LIMIT-05
  Scenario: A processor limit
    When I create a sandbox with
      """
      {"resourceLimits": {"cpu": "200m", "memory": "512Mi", "osc-unknown": "7"}}
      """
    Then LC-LIMIT-05: the answer is 202
    When the sandbox becomes Running
    Then LC-LIMIT-03: four busy loops use at most 0.7 s of processor in 2 s

  @LC-LIMIT-04
  Scenario: The ways to write a limit
    Then LC-LIMIT-04: createSandbox takes each of these limits

  @LC-LIMIT-06 @LC-STATE-01
  Scenario Outline: A limit that the host can't give
    When I create a sandbox with
      """
      {"resourceLimits": <limits>}
      """
    Then LC-LIMIT-06: the sandbox is refused and leaves nothing behind, or ends in Failed and was never Running
    And LC-STATE-01: the states seen follow the table of states

    Examples:
      | limits                                           |
      | {"cpu": "1", "memory": "512Mi", "gpu": "4096"}   |
      | {"cpu": "40960", "memory": "512Mi"}              |

  @LC-END-01 @LC-END-02 @LC-STATE-01
  Scenario: The entry process ends with 0
    When I create a sandbox with
      """
      {"entrypoint": ["sh", "-c", "sleep 2; exit 0"]}
      """
    Then LC-END-01: the sandbox ends in Terminated or Failed, or is gone
    And LC-END-02: the sandbox ends in Terminated, or is gone
    And LC-STATE-01: the states seen follow the table of states

  @LC-END-01 @LC-END-02 @LC-DELETE-07 @LC-DELETE-01 @LC-STATE-01
  Scenario: The entry process ends with another status
    When I create a sandbox with
      """
      {"entrypoint": ["sh", "-c", "sleep 2; exit 3"]}
      """
    Then LC-END-01: the sandbox ends in Terminated or Failed, or is gone
    And LC-END-02: the sandbox ends in Failed, or is gone
    When I call deleteSandbox
    Then LC-DELETE-07: the answer is 204 or 404
    And LC-DELETE-07: the sandbox is gone, and stays so
    And LC-STATE-01: the states seen follow the table of states

  @LC-MANUAL-01 @LC-MANUAL-02
  Scenario: A sandbox that lives until it is deleted
    Given the capability manual-cleanup
    When I create a sandbox with
      """
      {"timeout": null}
      """
    Then LC-MANUAL-01: the answer is 202
    And LC-MANUAL-01: the answer has no expiresAt, or null
    When the sandbox becomes Running
    Then LC-MANUAL-01: the answer has no expiresAt, or null
    When I renew the sandbox to 600 s from now
    Then LC-MANUAL-02: the answer is 409
    When I create a sandbox with
      """
      {"timeout": "(null)"}
      """
    Then LC-MANUAL-01: the answer is 202
    And LC-MANUAL-01: the answer has no expiresAt, or null
