Feature: Requests that are wrong in one way
  They are made from the document: every field, every parameter, every path. Each is a good request but for one thing.

  @EX-CMD-09 @EX-SESSION-12 @EX-NEG-04
  Scenario: Wrong bodies for commands
    Then EX-CMD-09: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-SESSION-12: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-NEG-04: the good requests are carried out again

  @EX-CONTEXT-12 @EX-CODE-27 @EX-NEG-04
  Scenario: Wrong bodies for code
    Then EX-CONTEXT-12: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-CODE-27: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-NEG-04: the good requests are carried out again

  @EX-CHMOD-12 @EX-MOVE-06 @EX-REPLACE-09 @EX-UPLOAD-11 @EX-MKDIR-07 @EX-NEG-04
  Scenario: Wrong bodies for files
    Then EX-CHMOD-12: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-MOVE-06: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-REPLACE-09: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-UPLOAD-11: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-MKDIR-07: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-NEG-04: the good requests are carried out again

  @EX-NEG-01 @EX-NEG-03 @EX-NEG-04
  Scenario: Wrong bodies of every operation
    Then EX-NEG-01: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-NEG-03: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-NEG-04: the good requests are carried out again

  @EX-LOGS-07 @EX-INFO-05 @EX-REMOVE-06 @EX-SEARCH-10 @EX-DOWNLOAD-12 @EX-LIST-09 @EX-RMDIR-05 @EX-NEG-02 @EX-NEG-04
  Scenario: Wrong parameters
    Then EX-LOGS-07: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-INFO-05: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-REMOVE-06: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-SEARCH-10: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-DOWNLOAD-12: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-LIST-09: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-RMDIR-05: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-NEG-02: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-NEG-04: the good requests are carried out again

  @EX-STATUS-03 @EX-OUTPUT-04 @EX-LOGS-08 @EX-CMD-18 @EX-CODE-14 @EX-SESSION-08
  Scenario: Ids that nothing has
    Then EX-STATUS-03: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-OUTPUT-04: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-LOGS-08: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-CMD-18: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-CODE-14: every request that is wrong in one way is answered as this says, and nothing is done
    And EX-SESSION-08: every request that is wrong in one way is answered as this says, and nothing is done

  @EX-HTTP-01 @EX-HTTP-02
  Scenario: Methods that a path does not have
    Then EX-HTTP-01: every path, asked with a method that it does not have, says in Allow which it has
    And EX-HTTP-02: every path, asked with a method that it does not have, answers 405 with an error body
