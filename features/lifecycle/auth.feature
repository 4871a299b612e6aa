Feature: Who may speak to the server
  Every operation needs the key.

  @LC-AUTH-01 @LC-AUTH-02
  Scenario: Without the key nothing is answered
    Given a sandbox
    Then LC-AUTH-01: every operation is answered 401 without the key and with a wrong one
    And LC-AUTH-02: a request without the key and with a broken body is answered 401 with an error body

  @LC-HTTP-01 @LC-HTTP-02
  Scenario: Paths and methods that the server does not have
    When I send GET to an unknown path
    Then LC-HTTP-02: the answer is 404 with an error body
    When I send a method that its path does not have
    Then LC-HTTP-01: a 405 carries the header Allow, with the methods that the path has
    And LC-HTTP-02: the answer is 405 with an error body
