Feature: Requests that are wrong in one way
  They are made from the document: every field, every parameter, every path. Each is a good request but for one thing.

  @LC-CREATE-08 @LC-CREATE-14 @LC-NEG-03 @LC-NEG-04
  Scenario: Wrong requests for a new sandbox
    Then LC-CREATE-08: every request of createSandbox that is wrong in one way is answered as this says, and nothing is done
    And LC-CREATE-14: every request of createSandbox that is wrong in one way is answered as this says, and nothing is done
    And LC-NEG-03: every request of createSandbox that is wrong in one way is answered as this says, and nothing is done
    And LC-NEG-04: the good requests are carried out again

  @LC-RENEW-07 @LC-PATCH-07 @LC-ENDPOINT-06 @LC-NEG-01 @LC-NEG-02 @LC-NEG-03 @LC-NEG-04
  Scenario: Wrong requests about a sandbox
    Given a sandbox
    Then LC-RENEW-07: every request that is wrong in one way is answered as this says, and nothing is done
    And LC-PATCH-07: every request that is wrong in one way is answered as this says, and nothing is done
    And LC-ENDPOINT-06: every request that is wrong in one way is answered as this says, and nothing is done
    And LC-NEG-01: every request that is wrong in one way is answered as this says, and nothing is done
    And LC-NEG-02: every request but of listSandboxes that is wrong in one way is answered as this says, and nothing is done
    And LC-NEG-03: every request but of createSandbox that is wrong in one way is answered as this says, and nothing is done
    And LC-NEG-04: the good requests are carried out again

  @LC-LIST-06 @LC-NEG-02 @LC-NEG-04
  Scenario: Wrong lists
    Then LC-LIST-06: every request of listSandboxes that is wrong in one way is answered as this says, and nothing is done
    And LC-NEG-02: every request of listSandboxes that is wrong in one way is answered as this says, and nothing is done
    And LC-NEG-04: the good requests are carried out again

  @LC-GET-02 @LC-DELETE-02 @LC-PAUSE-05 @LC-RESUME-05 @LC-RENEW-08 @LC-ENDPOINT-05 @LC-PATCH-08
  Scenario: Ids that no sandbox has
    Given a sandbox
    Then LC-GET-02: every request that is wrong in one way is answered as this says, and nothing is done
    And LC-DELETE-02: every request that is wrong in one way is answered as this says, and nothing is done
    And LC-PAUSE-05: every request that is wrong in one way is answered as this says, and nothing is done
    And LC-RESUME-05: every request that is wrong in one way is answered as this says, and nothing is done
    And LC-RENEW-08: every request that is wrong in one way is answered as this says, and nothing is done
    And LC-ENDPOINT-05: every request that is wrong in one way is answered as this says, and nothing is done
    And LC-PATCH-08: every request that is wrong in one way is answered as this says, and nothing is done

  @LC-HTTP-01 @LC-HTTP-02
  Scenario: Methods that a path does not have
    Then LC-HTTP-01: every path, asked with a method that it does not have, says in Allow which it has
    And LC-HTTP-02: every path, asked with a method that it does not have, answers 405 with an error body
