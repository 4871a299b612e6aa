Feature: Reach a port inside a sandbox
  Clients ask for endpoints right after create, and speak to what listens there.

  @LC-ENDPOINT-01 @LC-ENDPOINT-02 @LC-ENDPOINT-06 @LC-ENDPOINT-07
  Scenario: Endpoints from the first moment
    When I create a sandbox
    And I ask for the endpoint of port 44772
    Then LC-ENDPOINT-01: the answer is 200
    And LC-ENDPOINT-02: the answer is 200
    When I ask for the endpoint of port 18080
    Then LC-ENDPOINT-02: the answer is 200
    When I call getSandboxEndpoint for port 44772 with the query "use_server_proxy=true"
    Then LC-ENDPOINT-07: the answer is 200
    When I call getSandboxEndpoint for port 44772 with the query "use_server_proxy=false"
    Then LC-ENDPOINT-07: the answer is 200
    And the sandbox becomes Running
    When I ask for the endpoint of port 44772
    Then LC-ENDPOINT-02: the answer is 200
    When I ask for the endpoint of port 18080
    Then LC-ENDPOINT-02: the answer is 200
    When I ask for the endpoint of port 0
    Then LC-ENDPOINT-06: the answer is 400
    When I ask for the endpoint of port 65536
    Then LC-ENDPOINT-06: the answer is 400
    When I ask for the endpoint of port 100000
    Then LC-ENDPOINT-06: the answer is 400
    When I ask for the endpoint of port -1
    Then LC-ENDPOINT-06: the answer is 400

  @LC-ENDPOINT-03
  Scenario: A service in the sandbox
    Given a sandbox
    And a service in the sandbox that answers each request with its request line
    Then LC-ENDPOINT-03: the service is reached at its endpoint
    And LC-ENDPOINT-03: these paths reach the service byte for byte
      | /                                 |
      | /plain?x=1&y=2                    |
      | /folder/                          |
      | /q?b=2&a=%7E+x&a=1&&c             |
      | /a%2Fb/c%20d?q=%2F%3F&r=a+b       |
      | /a//b/./c?x;y=1                   |
      | /caf%C3%A9?%E2%82%AC=%zz          |
      | /lower%2fcase?q=%2f%e2%82%ac      |
      | /a;v=1/b;w                        |
      | /q?a=1?b=2                        |
      | /empty?                           |

  @LC-ENDPOINT-05 @LC-ENDPOINT-01
  Scenario: The endpoint of an id that no sandbox has
    When I call getSandboxEndpoint for port 44772 of an unknown sandbox
    Then LC-ENDPOINT-05: the answer is 404
