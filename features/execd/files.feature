Feature: Files
  Files go in by upload, come out by download, and are looked at by info.

  Background:
    Given a directory of my own

  @EX-UPLOAD-01 @EX-UPLOAD-02 @EX-DOWNLOAD-01 @EX-INFO-01 @EX-INFO-04 @EX-HTTP-03
  Scenario: A file goes in and comes out
    When I upload "${dir}/hello.txt" with the text "hello, world\n"
    Then EX-UPLOAD-01: the answer is 200
    And EX-HTTP-03: the answer has the header Content-Length: 0
    When I download "${dir}/hello.txt"
    Then EX-DOWNLOAD-01: the answer is 200
    And EX-UPLOAD-02: the content is the text "hello, world\n"
    When I ask for info on "${dir}/hello.txt"
    Then EX-INFO-01: the answer is 200
    And EX-INFO-04: the info on "${dir}/hello.txt" has size 13

  @EX-UPLOAD-02
  Scenario: Content of every kind
    When I upload "${dir}/empty" with 0 random bytes
    And I download "${dir}/empty"
    Then EX-UPLOAD-02: the content is what was uploaded to "${dir}/empty"
    When I upload "${dir}/with space, ünicode & 100%.bin" with 70000 random bytes
    And I download "${dir}/with space, ünicode & 100%.bin"
    Then EX-UPLOAD-02: the content is what was uploaded to "${dir}/with space, ünicode & 100%.bin"
    When I upload "${dir}/boundary" with the text "a\r\n--b--\r\n\r\nc\r\n--"
    And I download "${dir}/boundary"
    Then EX-UPLOAD-02: the content is the text "a\r\n--b--\r\n\r\nc\r\n--"
    When I upload "${dir}/large.bin" with 5000000 random bytes
    And I download "${dir}/large.bin"
    Then EX-UPLOAD-02: the content is what was uploaded to "${dir}/large.bin"

  @EX-UPLOAD-03
  Scenario: Several files in one request
    When I upload in one request
      | path       | text   | mode |
      | ${dir}/one | first  | 640  |
      | ${dir}/two | second | 600  |
      | ${dir}/six | sixth  | 755  |
    Then EX-UPLOAD-03: the files hold
      | path       | text   |
      | ${dir}/one | first  |
      | ${dir}/two | second |
      | ${dir}/six | sixth  |
    When I ask for info on "${dir}/one" and "${dir}/six"
    Then EX-UPLOAD-03: the info on "${dir}/one" has mode 640
    And EX-UPLOAD-03: the info on "${dir}/six" has mode 755

  @EX-UPLOAD-04 @EX-UPLOAD-07
  Scenario: Uploads as clients send them
    When I upload "${dir}/chunked" with the text "in chunks", chunked
    Then EX-UPLOAD-04: the files hold
      | path           | text      |
      | ${dir}/chunked | in chunks |
    When I upload "${dir}/named" with the text "any name", the file part named "${dir}/other name"
    Then EX-UPLOAD-04: the files hold
      | path         | text     |
      | ${dir}/named | any name |
    When I upload "${dir}/ascii" with the text "any name", the file part named "naïve ☂.txt"
    Then EX-UPLOAD-04: the files hold
      | path         | text     |
      | ${dir}/ascii | any name |
    When I upload "${dir}/meta" with the text "any name", the metadata part named "the metadata.json"
    Then EX-UPLOAD-04: the files hold
      | path        | text     |
      | ${dir}/meta | any name |
    When I upload in one request, each file part named "file"
      | path         | text   |
      | ${dir}/same1 | first  |
      | ${dir}/same2 | second |
    Then EX-UPLOAD-04: the files hold
      | path         | text   |
      | ${dir}/same1 | first  |
      | ${dir}/same2 | second |
    When I upload "${dir}/unnamed" with the text "no name", the metadata part without a file name
    Then EX-UPLOAD-07: the files hold
      | path           | text    |
      | ${dir}/unnamed | no name |

  @EX-UPLOAD-05 @EX-INFO-04
  Scenario: The mode of a file
    When I upload "${dir}/script" with the text "#!/bin/sh\n" and the metadata {"mode": 755}
    And I ask for info on "${dir}/script"
    Then EX-UPLOAD-05: the info on "${dir}/script" has mode 755
    When I upload "${dir}/private" with the text "mine" and the metadata {"mode": 600, "owner": null, "group": ""}
    And I ask for info on "${dir}/private"
    Then EX-UPLOAD-05: the info on "${dir}/private" has mode 600
    When I upload "${dir}/open" with the text "all" and the metadata {"mode": 666}
    And I ask for info on "${dir}/open"
    Then EX-UPLOAD-05: the info on "${dir}/open" has mode 666
    When I upload "${dir}/script" with the text "again" and the metadata {"mode": 700}
    And I ask for info on "${dir}/script"
    Then EX-UPLOAD-05: the info on "${dir}/script" has mode 700
    When I run: chmod 640 ${dir}/private
    And I ask for info on "${dir}/private"
    Then EX-INFO-04: the info on "${dir}/private" has mode 640
    And EX-INFO-04: the info on "${dir}/private" has size 4

  @EX-UPLOAD-06
  Scenario: Parents that are not there
    When I upload "${dir}/a/b/c.txt" with the text "deep"
    Then EX-UPLOAD-06: the files hold
      | path             | text |
      | ${dir}/a/b/c.txt | deep |

  @EX-UPLOAD-08 @EX-UPLOAD-01
  Scenario: An upload that breaks off
    When I begin to upload "${dir}/half" and break off in the middle
    Then EX-UPLOAD-08: there is no file "${dir}/half"
    When I upload "${dir}/whole" with the text "old and whole"
    Then EX-UPLOAD-01: the answer is 200
    When I begin to upload "${dir}/whole" and break off in the middle
    Then EX-UPLOAD-08: the files hold
      | path         | text          |
      | ${dir}/whole | old and whole |

  @EX-UPLOAD-09 @EX-UPLOAD-10
  Scenario: An owner that nobody knows
    When I upload "${dir}/owned" with the text "x" and the metadata {"mode": 604, "owner": "osc-nobody-at-all"}
    Then EX-UPLOAD-09: the answer is no success
    And EX-UPLOAD-10: the answer is 400
    And EX-UPLOAD-09: there is no file "${dir}/owned"
    When I upload "${dir}/grouped" with the text "x" and the metadata {"mode": 604, "group": "osc-no-such-group"}
    Then EX-UPLOAD-09: the answer is no success
    And EX-UPLOAD-10: the answer is 400
    And EX-UPLOAD-09: there is no file "${dir}/grouped"

  @EX-UPLOAD-11 @EX-UPLOAD-01
  Scenario: Uploads that make no sense
    When I upload raw metadata "{not json" for a file
    Then EX-UPLOAD-11: the answer is 400
    When I upload raw metadata "{\"mode\": 644}" for a file
    Then EX-UPLOAD-11: the answer is 400
    When I upload raw metadata "{\"path\": \"${dir}/typed\", \"mode\": \"rw\"}" for a file
    Then EX-UPLOAD-11: the answer is 400
    And EX-UPLOAD-11: there is no file "${dir}/typed"
    When I upload raw metadata "{\"path\": \"${dir}/cut\"" for a file
    Then EX-UPLOAD-11: the answer is 400
    And EX-UPLOAD-11: there is no file "${dir}/cut"
    When I call uploadFile with
      """
      {"path": "${dir}/json"}
      """
    Then EX-UPLOAD-11: the answer is 400 or 415

  @EX-DOWNLOAD-02
  Scenario Outline: One range of a file: <range>
    Given I upload "${dir}/digits" with the text "0123456789"
    When I download "${dir}/digits" with the range "<range>"
    Then EX-DOWNLOAD-02: the answer is 206
    And EX-DOWNLOAD-02: the content is the text "<text>"
    And EX-DOWNLOAD-02: the answer has the range <content-range>

    Examples:
      | range        | text       | content-range |
      | bytes=2-5    | 2345       | bytes 2-5/10  |
      | bytes=7-     | 789        | bytes 7-9/10  |
      | bytes=-3     | 789        | bytes 7-9/10  |
      | bytes=8-4000 | 89         | bytes 8-9/10  |
      | bytes=-4000  | 0123456789 | bytes 0-9/10  |

  @EX-DOWNLOAD-03 @EX-DOWNLOAD-04 @EX-DOWNLOAD-05 @EX-DOWNLOAD-01 @EX-DOC-01
  Scenario: Several ranges, and ranges outside the file
    Given I upload "${dir}/digits" with the text "0123456789"
    When I download "${dir}/digits" with the range "bytes=10-"
    Then EX-DOWNLOAD-03: the answer is 416
    When I download "${dir}/digits" with the range "bytes=0-1,8-9"
    Then EX-DOWNLOAD-04: the answer is 206 in parts "01" and "89", or 200 with the text "0123456789"
    When I download "${dir}/digits" with the range "bytes=five"
    Then EX-DOWNLOAD-05: the answer is 200 or 400 or 416

  @EX-DOWNLOAD-06 @EX-DOWNLOAD-07 @EX-DOWNLOAD-01 @EX-DOC-01
  Scenario: What can't be downloaded
    When I download "${dir}/missing"
    Then EX-DOWNLOAD-06: the answer is 404
    When I download "${dir}"
    Then EX-DOWNLOAD-07: the answer is 400

  @EX-DOWNLOAD-08 @EX-DOWNLOAD-09
  Scenario: Lines of a file
    Given the capability line-reads
    And I upload "${dir}/lines" with the text "one\ntwo\nthree\nfour\n"
    When I download "${dir}/lines" from line 2, 2 lines
    Then EX-DOWNLOAD-08: the content is the text "two\nthree", line ends at its end aside
    When I download "${dir}/lines" from line 3, 9 lines
    Then EX-DOWNLOAD-08: the content is the text "three\nfour", line ends at its end aside
    When I download "${dir}/lines" from line 3
    Then EX-DOWNLOAD-08: the content is the text "three\nfour", line ends at its end aside
    When I download 2 lines of "${dir}/lines"
    Then EX-DOWNLOAD-08: the content is the text "one\ntwo", line ends at its end aside
    When I download "${dir}/lines" from line 1, 1 lines, with the range "bytes=0-1"
    Then EX-DOWNLOAD-09: the answer is 400

  @EX-INFO-02 @EX-INFO-03 @EX-INFO-05 @EX-INFO-01
  Scenario: Information on several paths
    Given I upload "${dir}/one" with the text "1"
    And I upload "${dir}/two" with the text "22"
    When I ask for info on "${dir}/one" and "${dir}/two"
    Then EX-INFO-03: the info on "${dir}/one" has size 1
    And EX-INFO-03: the info on "${dir}/two" has size 2
    When I ask for info on "${dir}/missing"
    Then EX-INFO-02: the answer is 404
    When I ask for info on "${dir}/one" and "${dir}/missing"
    Then EX-INFO-02: the answer is 404
    When I run: ln -s one ${dir}/link && echo made
    Then stdout is "made"
    When I ask for info on "${dir}//one" and "${dir}/link"
    Then EX-INFO-03: the info on "${dir}//one" has size 1
    And EX-INFO-03: the answer has an entry for "${dir}/link"
    When I call getFilesInfo
    Then EX-INFO-05: the answer is 400
