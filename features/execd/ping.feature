Feature: Is the daemon there, and whom does it let in
  Clients poll ping right after a sandbox was created, and send the token with every call.

  @EX-PING-01 @EX-HTTP-03 @EX-DOC-01
  Scenario: The daemon answers
    When I call ping
    Then EX-PING-01: the answer is 200
    And EX-HTTP-03: the answer has the header Content-Length: 0

  @EX-AUTH-01 @EX-AUTH-02 @EX-AUTH-03
  Scenario: Without the token nothing is answered
    When I call ping without the key
    Then EX-AUTH-03: the answer is 401, or the daemon is open to anyone
    And EX-AUTH-01: every operation is answered 401 without the key and with a wrong one
    And EX-AUTH-02: a request without the key and with a broken body is answered 401 with an error body

  @EX-HTTP-01 @EX-HTTP-02
  Scenario: Paths and methods that the daemon does not have
    When I send GET to an unknown path
    Then EX-HTTP-02: the answer is 404 with an error body
    When I send a method that its path does not have
    Then EX-HTTP-01: a 405 carries the header Allow, with the methods that the path has
    And EX-HTTP-02: the answer is 405 with an error body
