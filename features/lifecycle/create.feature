Feature: Create a sandbox and look at it
  A sandbox is made from an image, becomes Running, runs what it is told, and says why where it can't.

  @LC-CREATE-01 @LC-CREATE-02 @LC-CREATE-03 @LC-CREATE-07 @LC-CREATE-09 @LC-CREATE-18 @LC-GET-01 @LC-GET-03 @LC-STATE-01 @LC-STATE-02
  @LC-EXPIRE-01 @LC-DOC-01
  Scenario: From the request to Running
    When I create a sandbox with
      """
      {"timeout": 300, "metadata": {"project": "apollo-11", "a-key-as-long-as-it-may-be-0123456789-abcdefghijklmnopqrstuvwxy": "0123456789-abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmn"}}
      """
    Then LC-CREATE-01: the answer is 202
    And LC-CREATE-01: the answer has an expiresAt
    And LC-CREATE-02: the state in the answer is Pending or Running
    And LC-CREATE-07: the state in the answer is Pending
    And LC-CREATE-07: the answer took at most 2000 ms
    And LC-EXPIRE-01: expiresAt is 300 s after createdAt and after the request, give or take 5 s
    And LC-CREATE-03: the sandbox becomes Running
    And LC-GET-01: the answer is 200
    And LC-GET-01: the answer has an expiresAt
    And LC-CREATE-09: the answer has metadata "project" of "apollo-11" and "a-key-as-long-as-it-may-be-0123456789-abcdefghijklmnopqrstuvwxy" of "0123456789-abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmn"
    And LC-CREATE-18: the answer has no metadata but that of the request
    And LC-GET-03: the answer has the image and the entrypoint of the request
    And LC-STATE-01: the states seen follow the table of states
    And LC-STATE-02: lastTransitionAt of the states seen never goes back and changes with the state

  @LC-CREATE-10 @LC-ENDPOINT-04 @LC-CREATE-11 @LC-CREATE-13
  Scenario: Environment, extensions, and fields that nobody knows
    When I create a sandbox with
      """
      {
        "entrypoint": ["sh", "-c", "echo \"$OSC_COLOR\" > \"${TMPDIR:-/tmp}/osc-color\"; exec tail -f /dev/null"],
        "env": {"OSC_COLOR": "dark green"}, "extensions": {"osc.example/unknown": "1"}, "secureAccess": false
      }
      """
    Then LC-CREATE-11: the answer is 202
    And LC-CREATE-13: the answer is 202
    And the sandbox becomes Running
    And LC-ENDPOINT-04: execd in the sandbox is reached at its endpoint
    When I run in the sandbox: echo "$OSC_COLOR"
    Then LC-ENDPOINT-04: the command was run
    And LC-CREATE-10: stdout is "dark green"
    When I run in the sandbox: f=${TMPDIR:-/tmp}/osc-color; i=0; while [ ! -s $f ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done; cat $f
    Then LC-CREATE-10: stdout is "dark green"

  @LC-CREATE-04 @LC-CREATE-06 @LC-CREATE-12 @LC-STATE-01
  Scenario: An image that can't be had
    When I create a sandbox with
      """
      {"image": {"uri": "opensandbox-conformance.invalid/no/such-image:${run}", "auth": {"username": "osc-user", "password": "osc-secret-${run}"}}}
      """
    Then LC-CREATE-04: the sandbox is refused and leaves nothing behind, or ends in Failed and was never Running
    And LC-CREATE-06: a failure names its cause, the image, in reason or message
    And LC-STATE-01: the states seen follow the table of states
    And LC-CREATE-12: no answer had the text "osc-secret-${run}"

  @LC-CREATE-05 @LC-CREATE-06 @LC-PAUSE-02 @LC-RESUME-02
  Scenario: An entrypoint that the image lacks
    When I create a sandbox with
      """
      {"entrypoint": ["/opt/osc/no-such-program"]}
      """
    Then LC-CREATE-05: the sandbox is refused and leaves nothing behind, or ends in Failed and was never Running
    And LC-CREATE-06: a failure names its cause, the entrypoint, in reason or message
    And LC-PAUSE-02: where there is a sandbox pauseSandbox is answered 409
    And LC-RESUME-02: where there is a sandbox resumeSandbox is answered 409

  @LC-LIMIT-01
  Scenario: A memory limit
    When I create a sandbox with
      """
      {"resourceLimits": {"cpu": "1", "memory": "128Mi"}}
      """
    Then the sandbox becomes Running
    When I run in the sandbox: head -c 3000000 /dev/zero | tail -c 2900000 | wc -c
    Then stdout is "2900000"
    When I run, whatever becomes of the sandbox: head -c 300000000 /dev/zero | tail -c 290000000 | wc -c
    Then LC-LIMIT-01: stdout is not "290000000"

  @LC-CREATE-08 @LC-CREATE-01 @LC-DOC-01
  Scenario: Create requests that make no sense
    Then LC-CREATE-08: createSandbox refuses each of these with 400, and creates nothing
      | what                 | change                                     |
      | no image             | {"image": null}                            |
      | an image of text     | {"image": "debian"}                        |
      | an image with no uri | {"image": {"uri": null}}                   |
      | no limits            | {"resourceLimits": null}                   |
      | limits that are text | {"resourceLimits": "cpu=1"}                |
      | no entrypoint        | {"entrypoint": null}                       |
      | an empty entrypoint  | {"entrypoint": []}                         |
      | an entrypoint of text| {"entrypoint": "sleep 100"}                |
      | a timeout of text    | {"timeout": "soon"}                        |
      | a number as text     | {"timeout": "300"}                         |
      | a timeout too short  | {"timeout": 59}                            |
      | a negative timeout   | {"timeout": -1}                            |
      | metadata of numbers  | {"metadata": {"n": 1}}                     |
      | env that is a list   | {"env": ["A=1"]}                           |
      | not JSON             | image: debian                              |
      | cut off              | {"image": {"uri": "debian"                 |

  @LC-CREATE-14 @LC-LIMIT-02
  Scenario: Create requests that are better refused
    Then LC-CREATE-14: createSandbox refuses each of these with 400, and creates nothing
      | what                      | change                                                  |
      | image has an unknown part | {"image": {"digest": "x"}}                              |
      | login has an unknown part | {"image": {"auth": {"username": "osc", "password": "osc", "token": "x"}}} |
    And LC-LIMIT-02: createSandbox refuses each of these with 400, and creates nothing
      | what            | change                                              |
      | a word          | {"resourceLimits": {"cpu": "many", "memory": "1Gi"}} |
      | nothing         | {"resourceLimits": {"cpu": "0", "memory": "1Gi"}}    |
      | less            | {"resourceLimits": {"cpu": "1", "memory": "-5Mi"}}   |
      | unknown suffix  | {"resourceLimits": {"cpu": "1", "memory": "5Qx"}}    |

  @LC-CREATE-15
  Scenario: No timeout, where every sandbox has an end
    Given the deployment has no manual cleanup
    Then LC-CREATE-15: createSandbox refuses each of these with 400, and creates nothing
      | what         | change                |
      | no timeout   | {"timeout": null}     |
      | null for one | {"timeout": "(null)"} |

  @LC-GET-02 @LC-GET-01
  Scenario: Looking at an id that no sandbox has
    When I call getSandbox for an unknown sandbox
    Then LC-GET-02: the answer is 404
