Feature: List sandboxes
  Sandboxes are found by state and metadata, and come in pages.

  @LC-LIST-01 @LC-LIST-02 @LC-LIST-03 @LC-LIST-04 @LC-LIST-05 @LC-LIST-08 @LC-LIST-09
  Scenario: Filters and pages
    Given 3 sandboxes with the metadata
      | color | team  |
      | red   | one   |
      | red   | two   |
      | blue  | one   |
    When I pause the first of them
    Then LC-LIST-01: a list of all of them is answered 200
    And LC-LIST-03: the metadata filter "color=red&team=one" finds the first of them
    And LC-LIST-03: the metadata filter "color=red" finds the first and second of them
    And LC-LIST-03: the metadata filter "%63olor=%72ed&team=two" finds the second of them
    And LC-LIST-02: the states Running and Paused find all of them
    And LC-LIST-02: the states Paused and Failed find the first of them
    And LC-LIST-03: the metadata filter "color=re" finds none of them
    And LC-LIST-02: the state Paused finds the first of them
    And LC-LIST-04: the state Running and the metadata filter "color=red" find the second of them
    And LC-LIST-04: the state Running and the metadata filter "color=green" find none of them
    And LC-LIST-04: the state Running and the metadata filter "shape=round" find none of them
    And LC-LIST-05: in pages of 1 the first and second of them come once each by the filter "color=red", and the numbers are right
    And LC-LIST-05: in pages of 2 all of them come once each by the filter "", and the numbers are right
    And LC-LIST-05: in pages of 3 all of them come once each by the filter "", and the numbers are right
    And LC-LIST-08: the newest of them comes first
    And LC-LIST-09: page 9 of them is empty and says that it is page 9

  @LC-LIST-06 @LC-LIST-10 @LC-LIST-11 @LC-LIST-01
  Scenario: Filters and pages that make no sense
    When I call listSandboxes with the query "page=0"
    Then LC-LIST-06: the answer is 400
    When I call listSandboxes with the query "pageSize=abc"
    Then LC-LIST-06: the answer is 400
    When I call listSandboxes with the query "pageSize=100"
    Then LC-LIST-11: the answer is 200
    And LC-LIST-11: the page size in the answer is 100
    When I call listSandboxes with the query "metadata=%25zz"
    Then LC-LIST-10: the answer is 400
