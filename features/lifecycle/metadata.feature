Feature: Metadata
  Metadata is a set of labels by which sandboxes are found. It can be changed while the sandbox lives.

  @LC-PATCH-01 @LC-PATCH-02 @LC-PATCH-03 @LC-PATCH-04 @LC-PATCH-05 @LC-PATCH-06 @LC-PATCH-07 @LC-DOC-01
  Scenario: Changing metadata
    When I create a sandbox with
      """
      {"metadata": {"project": "apollo", "note": "demo-test", "stays": "as-it-is"}}
      """
    And the sandbox becomes Running
    Given the capability metadata-patch
    When I run in the sandbox: echo here > ${TMPDIR:-/tmp}/osc-mark
    And I call patchSandboxMetadata with
      """
      {"project": "gemini", "note": null, "team": "a-1"}
      """
    Then LC-PATCH-01: the answer is 200
    And LC-PATCH-02: the metadata in the answer has "project" of "gemini"
    And LC-PATCH-02: the metadata in the answer has "team" of "a-1"
    And LC-PATCH-03: the metadata in the answer has no "note"
    And LC-PATCH-04: the metadata in the answer has "stays" of "as-it-is"
    And LC-PATCH-04: the metadata in the answer has "osc-case" of "${case}"
    And LC-PATCH-05: the answer is the whole sandbox, as it was but for its metadata
    And LC-PATCH-05: the metadata in the answer has "project" of "gemini"
    And LC-PATCH-05: the metadata in the answer has "stays" of "as-it-is"
    When I call getSandbox
    Then LC-PATCH-02: the metadata in the answer has "project" of "gemini"
    And LC-PATCH-02: the metadata in the answer has "team" of "a-1"
    And LC-PATCH-03: the metadata in the answer has no "note"
    And LC-PATCH-04: the metadata in the answer has "stays" of "as-it-is"
    When I call patchSandboxMetadata with
      """
      {}
      """
    Then LC-PATCH-04: the answer is 200
    And LC-PATCH-04: the metadata in the answer has "project" of "gemini"
    And LC-PATCH-04: the metadata in the answer has "stays" of "as-it-is"
    When I call patchSandboxMetadata with the content type application/merge-patch+json and
      """
      {"example.com/Name_1.x": "V.1_x", "empty": "", "never-was": null, "team": null, "long": "a123456789b123456789c123456789d123456789e123456789f1234567890ab"}
      """
    Then LC-PATCH-01: the answer is 200
    And LC-PATCH-02: the metadata in the answer has "example.com/Name_1.x" of "V.1_x"
    And LC-PATCH-02: the metadata in the answer has "empty" of ""
    And LC-PATCH-02: the metadata in the answer has "long" of "a123456789b123456789c123456789d123456789e123456789f1234567890ab"
    And LC-PATCH-03: the metadata in the answer has no "never-was"
    And LC-PATCH-03: the metadata in the answer has no "team"
    And LC-PATCH-06: patchSandboxMetadata refuses each of these with 400
      | what                | body                                                                                 |
      | a key with a blank  | {"project": "changed", "a key": "x"}                                                 |
      | a key of 64         | {"a123456789b123456789c123456789d123456789e123456789f1234567890abc": "x"}            |
      | a key that ends so  | {"key-": "x"}                                                                        |
      | a value with !      | {"project": "hello!"}                                                                |
      | a value of 64       | {"project": "a123456789b123456789c123456789d123456789e123456789f1234567890abc"}      |
      | a value that begins so | {"project": "-x"}                                                                 |
      | a key of the server | {"opensandbox.io/osc": "x"}                                                          |
      | the same, to remove | {"opensandbox.io/osc": null}                                                         |
      | a prefix that is none | {"Bad_Prefix/name": "x"}                                                           |
    And LC-PATCH-07: patchSandboxMetadata refuses each of these with 400
      | what               | body                                  |
      | a number           | {"project": 7}                        |
      | true               | {"project": true}                     |
      | one of two         | {"project": "changed", "other": 7}    |
      | an object within   | {"project": {"name": "changed"}}      |
      | a list             | [{"project": "changed"}]              |
      | text               | "project=changed"                     |
      | not JSON           | project=changed                       |
      | cut off            | {"project": "changed"                 |
      | text behind it     | {"project": "changed"} and more       |
      | nothing            |                                       |
    When I call getSandbox
    Then LC-PATCH-06: the metadata in the answer has "project" of "gemini"
    And LC-PATCH-07: the metadata in the answer has "project" of "gemini"
    When I run in the sandbox: cat ${TMPDIR:-/tmp}/osc-mark
    Then LC-PATCH-05: stdout is "here"

  @LC-PATCH-08 @LC-PATCH-01
  Scenario: Metadata of an id that no sandbox has
    Given a sandbox
    And the capability metadata-patch
    When I call patchSandboxMetadata for an unknown sandbox with
      """
      {"project": "gemini"}
      """
    Then LC-PATCH-08: the answer is 404

  @LC-CREATE-16 @LC-CREATE-09
  Scenario Outline: Metadata of other characters: <key>
    Then LC-CREATE-16: metadata "<key>" of "<value>" is refused with 400, or comes back unchanged
    And LC-CREATE-09: metadata "plain-key" of "plain-value" is refused with 400, or comes back unchanged

    Examples:
      | key           | value             |
      | osc_Key.1     | Value_1.x         |
      | osc key       | Hello, World! 100% |
      | osc-ünïcode   | Grüße 🦊           |

  @LC-CREATE-17
  Scenario: Metadata that is better refused
    Then LC-CREATE-17: createSandbox refuses each of these with 400, and creates nothing
      | what                | change                                  |
      | a key with a blank  | {"metadata": {"a key": "x"}}            |
      | a value with !      | {"metadata": {"project": "hello!"}}     |
      | a key of the server | {"metadata": {"opensandbox.io/osc": "x"}} |
      | a value of 64       | {"metadata": {"project": "a123456789b123456789c123456789d123456789e123456789f1234567890abc"}} |
