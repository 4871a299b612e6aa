Feature: Directories
  Directories are made with their parents, removed with all that is in them, and listed to a depth.

  Background:
    Given a directory of my own

  @EX-MKDIR-01 @EX-MKDIR-02 @EX-MKDIR-03 @EX-MKDIR-04 @EX-HTTP-03
  Scenario: Making directories
    When I call makeDirs with
      """
      {"${dir}/one": {}, "${dir}/two words/deep/er": {"mode": 700}, "${dir}/open": {"mode": 777}}
      """
    Then EX-MKDIR-01: the answer is 200
    And EX-HTTP-03: the answer has the header Content-Length: 0
    And EX-MKDIR-02: these are there, and nothing else below "${dir}"
      | one               |
      | open              |
      | two words         |
      | two words/deep    |
      | two words/deep/er |
    And EX-MKDIR-02: "${dir}/one" is a directory
    And EX-MKDIR-04: "${dir}/one" has the mode 755
    And EX-MKDIR-04: "${dir}/two words/deep/er" has the mode 700
    And EX-MKDIR-04: "${dir}/open" has the mode 777
    Given these are there
      | ${dir}/one/kept | text |
    When I call makeDirs with
      """
      {"${dir}/one": {"mode": 755, "owner": null, "group": null}, "${dir}/new": {"mode": 755, "owner": null, "group": null}}
      """
    Then EX-MKDIR-03: the answer is 200
    And EX-MKDIR-03: "${dir}/one/kept" holds "text"
    And EX-MKDIR-02: there is still "${dir}/new"
    And EX-MKDIR-03: there is still "${dir}/new"
    When I call makeDirs with
      """
      {"${dir}/m1": {"mode": 77}, "${dir}/m2": {"mode": 744}, "${dir}/m3": {"mode": 511}, "${dir}/m4": {"mode": 0}}
      """
    Then EX-MKDIR-04: "${dir}/m1" has the mode 77
    And EX-MKDIR-04: "${dir}/m2" has the mode 744
    And EX-MKDIR-04: "${dir}/m3" has the mode 511
    And EX-MKDIR-04: "${dir}/m4" has the mode 755

  @EX-MKDIR-05 @EX-MKDIR-06 @EX-MKDIR-07 @EX-MKDIR-09 @EX-MKDIR-01
  Scenario: Directories that can't be made
    When I call makeDirs with
      """
      {"${dir}/made": {"mode": 755, "owner": "osc-no-such-user"}}
      """
    Then EX-MKDIR-05: the answer is no success
    And EX-MKDIR-06: the answer is 400
    And EX-MKDIR-05: there is no file "${dir}/made"
    When I call makeDirs with
      """
      {"${dir}/made": {"mode": 755, "group": "osc-no-such-group"}}
      """
    Then EX-MKDIR-05: the answer is no success
    And EX-MKDIR-06: the answer is 400
    And EX-MKDIR-05: there is no file "${dir}/made"
    When I call makeDirs with
      """
      {"${dir}/p/q": {"owner": "osc-no-such-user"}}
      """
    Then EX-MKDIR-05: the answer is no success
    And EX-MKDIR-05: there is no file "${dir}/p"
    When I call makeDirs with
      """
      {"${dir}/a": {}, "${dir}/m": {"owner": "osc-no-such-user"}, "${dir}/z": {}}
      """
    Then EX-MKDIR-05: the answer is no success
    And EX-MKDIR-05: there is no file "${dir}/m"
    And EX-MKDIR-09: there is no file "${dir}/a"
    And EX-MKDIR-09: there is no file "${dir}/z"
    When I call makeDirs with
      """
      {"${dir}/a": {}, "${dir}/m": {"group": "osc-no-such-group"}, "${dir}/z": {}}
      """
    Then EX-MKDIR-05: the answer is no success
    And EX-MKDIR-05: there is no file "${dir}/m"
    And EX-MKDIR-07: makeDirs refuses each of these with 400
      | what           | body                                   |
      | mode is text   | {"${dir}/made": {"mode": "rwx"}}       |
      | a list         | ["${dir}/made"]                        |
      | text           | "${dir}/made"                          |
      | not JSON       | ${dir}/made                            |
      | cut off        | {"${dir}/made": {}                     |
      | text behind it | {"${dir}/made": {}} and more           |
      | owner a number | {"${dir}/made": {"owner": 7}}          |
      | no object      | {"${dir}/made": 755}                   |
    And EX-MKDIR-07: there is no file "${dir}/made"

  @EX-RMDIR-01 @EX-RMDIR-02 @EX-RMDIR-03 @EX-RMDIR-04 @EX-RMDIR-05 @EX-HTTP-03
  Scenario: Removing directories
    Given these are there
      | ${dir}/one/in/deep    |
      | ${dir}/one/.hidden    |
      | ${dir}/one/link -> ../target |
      | ${dir}/two words/     |
      | ${dir}/target/kept    |
      | ${dir}/one-more/kept  |
      | ${dir}/parent/child/  |
      | ${dir}/file           |
    When I call removeDirs for the paths "${dir}/one, ${dir}/two words, ${dir}/parent/child"
    Then EX-RMDIR-01: the answer is 200
    And EX-HTTP-03: the answer has the header Content-Length: 0
    And EX-RMDIR-02: these are there, and nothing else below "${dir}"
      | file          |
      | one-more      |
      | one-more/kept |
      | parent        |
      | target        |
      | target/kept   |
    When I call removeDirs for the paths "${dir}/missing"
    Then EX-RMDIR-03: the answer is 200
    When I call removeDirs for the paths "${dir}/missing, ${dir}/parent"
    Then EX-RMDIR-03: the answer is 200
    And EX-RMDIR-02: there is no file "${dir}/parent"
    When I call removeDirs for the paths "${dir}/file"
    Then EX-RMDIR-04: the answer is 400
    And EX-RMDIR-04: "${dir}/file" holds "osc"
    When I call removeDirs
    Then EX-RMDIR-05: the answer is 400

  @EX-LIST-01 @EX-LIST-02 @EX-LIST-03 @EX-LIST-04 @EX-LIST-07 @EX-LIST-08 @EX-LIST-10
  Scenario: Listing a directory
    Given the capability directory-listing
    And these are there
      | ${dir}/.a0/in      |
      | ${dir}/b           |
      | ${dir}/c/1/x/deep  |
      | ${dir}/c/10        |
      | ${dir}/c/2         |
      | ${dir}/c-d         |
      | ${dir}/d d         |
      | ${dir}/e -> c      |
      | ${dir}/f -> nowhere |
      | ${dir}/g/          |
      | ${dir}/none        |
    And I run: mkfifo ${dir}/h && chmod 640 ${dir}/b && chmod 710 ${dir}/c && : > ${dir}/none && echo made
    When I list "${dir}"
    Then EX-LIST-01: the answer is 200
    And EX-LIST-02: exactly these are found
      | ${dir}/.a0 |
      | ${dir}/b |
      | ${dir}/c |
      | ${dir}/c-d |
      | ${dir}/d d |
      | ${dir}/e |
      | ${dir}/f |
      | ${dir}/g |
      | ${dir}/h |
      | ${dir}/none |
    And EX-LIST-08: every path found is absolute
    And EX-LIST-04: the entry "${dir}/e" has type symlink
    And EX-LIST-04: the entry "${dir}/f" has type symlink
    And EX-LIST-10: the entry "${dir}/b" has type file
    And EX-LIST-10: the entry "${dir}/b" has size 3
    And EX-LIST-10: the entry "${dir}/b" has mode 640
    And EX-LIST-10: the entry "${dir}/none" has size 0
    And EX-LIST-10: the entry "${dir}/c" has type directory
    And EX-LIST-10: the entry "${dir}/c" has mode 710
    And EX-LIST-10: the entry "${dir}/e" has type symlink
    And EX-LIST-10: the entry "${dir}/h" has type other
    When I list "${dir}", 1 levels deep
    Then EX-LIST-03: these are found, in this order
      | ${dir}/.a0 |
      | ${dir}/b |
      | ${dir}/c |
      | ${dir}/c-d |
      | ${dir}/d d |
      | ${dir}/e |
      | ${dir}/f |
      | ${dir}/g |
      | ${dir}/h |
      | ${dir}/none |
    When I list "${dir}", 2 levels deep
    Then EX-LIST-02: exactly these are found
      | ${dir}/.a0 |
      | ${dir}/.a0/in |
      | ${dir}/b |
      | ${dir}/c |
      | ${dir}/c/1 |
      | ${dir}/c/10 |
      | ${dir}/c/2 |
      | ${dir}/c-d |
      | ${dir}/d d |
      | ${dir}/e |
      | ${dir}/f |
      | ${dir}/g |
      | ${dir}/h |
      | ${dir}/none |
    And EX-LIST-03: these are found, in this order
      | ${dir}/.a0 |
      | ${dir}/.a0/in |
      | ${dir}/b |
      | ${dir}/c |
      | ${dir}/c/1 |
      | ${dir}/c/10 |
      | ${dir}/c/2 |
      | ${dir}/c-d |
      | ${dir}/d d |
      | ${dir}/e |
      | ${dir}/f |
      | ${dir}/g |
      | ${dir}/h |
      | ${dir}/none |
    And EX-LIST-04: nothing below "${dir}/e/" is found
    When I list "${dir}/c", 9 levels deep
    Then EX-LIST-02: exactly these are found
      | ${dir}/c/1 |
      | ${dir}/c/1/x |
      | ${dir}/c/1/x/deep |
      | ${dir}/c/10 |
      | ${dir}/c/2 |
    And EX-LIST-03: these are found, in this order
      | ${dir}/c/1 |
      | ${dir}/c/1/x |
      | ${dir}/c/1/x/deep |
      | ${dir}/c/10 |
      | ${dir}/c/2 |
    And EX-LIST-08: the paths found are, to the letter
      | ${dir}/c/1 |
      | ${dir}/c/1/x |
      | ${dir}/c/1/x/deep |
      | ${dir}/c/10 |
      | ${dir}/c/2 |
    When I list "${dir}/e/1", 2 levels deep
    Then EX-LIST-08: the paths found are, to the letter
      | ${dir}/e/1/x |
      | ${dir}/e/1/x/deep |
    When I list "${dir}/g"
    Then EX-LIST-02: nothing is found
    When I list "${dir}", 0 levels deep
    Then EX-LIST-07: nothing is found

  @EX-LIST-05 @EX-LIST-06 @EX-LIST-09 @EX-LIST-01
  Scenario: What can't be listed
    Given the capability directory-listing
    And these are there
      | ${dir}/sub/in      |
      | ${dir}/link -> sub |
      | ${dir}/file        |
    When I list "${dir}/link"
    Then EX-LIST-05: the answer is 400
    When I list "${dir}/file"
    Then EX-LIST-06: the answer is 400
    When I list "${dir}/missing"
    Then EX-LIST-09: the answer is 404
    When I call listDirectory
    Then EX-LIST-09: the answer is 400
