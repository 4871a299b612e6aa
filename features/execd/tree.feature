Feature: Files in place
  Files are deleted, moved, searched, given other permissions, and have text in them replaced.

  Background:
    Given a directory of my own

  @EX-REMOVE-01 @EX-REMOVE-02 @EX-REMOVE-05 @EX-REMOVE-06 @EX-HTTP-03
  Scenario: Deleting files
    Given these are there
      | ${dir}/one       |
      | ${dir}/one-more  |
      | ${dir}/st*r      |
      | ${dir}/star      |
      | ${dir}/two words |
      | ${dir}/100%.txt  |
      | ${dir}/.hidden   |
      | ${dir}/sub/kept  |
      | ${dir}/link -> kept |
      | ${dir}/kept      |
    When I call removeFiles for the paths "${dir}/one, ${dir}/two words, ${dir}/100%.txt, ${dir}/st*r"
    Then EX-REMOVE-01: the answer is 200
    And EX-HTTP-03: the answer has the header Content-Length: 0
    And EX-REMOVE-02: these are there, and nothing else below "${dir}"
      | .hidden  |
      | kept     |
      | link     |
      | one-more |
      | star     |
      | sub      |
      | sub/kept |
    When I call removeFiles for the paths "${dir}/link, ${dir}/.hidden"
    Then EX-REMOVE-02: these are there, and nothing else below "${dir}"
      | kept     |
      | one-more |
      | star     |
      | sub      |
      | sub/kept |
    When I call removeFiles for the paths "${dir}/missing"
    Then EX-REMOVE-05: the answer is 200
    When I call removeFiles for the paths "${dir}/missing, ${dir}/kept"
    Then EX-REMOVE-05: the answer is 200
    And EX-REMOVE-02: there is no file "${dir}/kept"
    When I call removeFiles
    Then EX-REMOVE-06: the answer is 400

  @EX-REMOVE-03 @EX-REMOVE-04 @EX-REMOVE-07 @EX-REMOVE-01
  Scenario: Directories are not deleted as files
    Given these are there
      | ${dir}/full/file |
      | ${dir}/empty/    |
      | ${dir}/file      |
    When I call removeFiles for the paths "${dir}/full"
    Then EX-REMOVE-04: the answer is 400
    And EX-REMOVE-03: there is still "${dir}/full/file"
    When I call removeFiles for the paths "${dir}/empty"
    Then EX-REMOVE-04: the answer is 400
    And EX-REMOVE-03: there is still "${dir}/empty"
    When I call removeFiles for the paths "${dir}/file, ${dir}/full"
    Then EX-REMOVE-07: there is still "${dir}/file"
    And EX-REMOVE-03: there is still "${dir}/full/file"

  @EX-CHMOD-01 @EX-CHMOD-02 @EX-CHMOD-05 @EX-CHMOD-09 @EX-HTTP-03
  Scenario: Setting modes
    Given these are there
      | ${dir}/one  |
      | ${dir}/two words |
      | ${dir}/sub/ |
      | ${dir}/sub/in |
    When I call chmodFiles with
      """
      {"${dir}/one": {"mode": 755}, "${dir}/two words": {"mode": 600}, "${dir}/sub": {"mode": 710}}
      """
    Then EX-CHMOD-01: the answer is 200
    And EX-HTTP-03: the answer has the header Content-Length: 0
    And EX-CHMOD-02: "${dir}/one" has the mode 755
    And EX-CHMOD-02: "${dir}/two words" has the mode 600
    And EX-CHMOD-02: "${dir}/sub" has the mode 710
    And EX-CHMOD-02: "${dir}/sub/in" has the mode 644
    When I call chmodFiles with
      """
      {"${dir}/one": {"mode": 44}}
      """
    Then EX-CHMOD-02: "${dir}/one" has the mode 44
    When I call chmodFiles with
      """
      {"${dir}/one": {"mode": 777, "owner": null, "group": null}}
      """
    Then EX-CHMOD-02: "${dir}/one" has the mode 777
    When I call chmodFiles with
      """
      {"${dir}/one": {"mode": 0}, "${dir}/two words": {}, "${dir}/sub": {"owner": "", "group": ""}}
      """
    Then EX-CHMOD-05: the answer is 200
    And EX-CHMOD-05: "${dir}/one" has the mode 777
    And EX-CHMOD-05: "${dir}/two words" has the mode 600
    And EX-CHMOD-05: "${dir}/sub" has the mode 710
    When I call chmodFiles with
      """
      {"${dir}/one": {"mode": 640, "owner": null, "group": null}, "${dir}/sub": {"mode": 1777}}
      """
    Then EX-CHMOD-05: "${dir}/one" has the mode 640
    And EX-CHMOD-09: "${dir}/sub" has the mode 1777
    When I call chmodFiles with
      """
      {"${dir}/one": {"mode": 4755}, "${dir}/two words": {"mode": 2750}}
      """
    Then EX-CHMOD-09: "${dir}/one" has the mode 4755
    And EX-CHMOD-09: "${dir}/two words" has the mode 2750

  @EX-CHMOD-06 @EX-CHMOD-05 @EX-REPLACE-03 @EX-UPLOAD-12 @EX-UPLOAD-13 @EX-MKDIR-08 @EX-INFO-07 @EX-REPLACE-04
  Scenario: Setting owners
    Given the daemon may change owners
    And these are there
      | ${dir}/one |
      | ${dir}/two |
      | ${dir}/three |
      | ${dir}/sub/in |
    When I run: stat -c %U:%G ${dir}/two
    And I remember that line as the daemon's own
    When I call chmodFiles with
      """
      {"${dir}/one": {"owner": "${user}", "group": "${group}"}, "${dir}/three": {"owner": "${user}", "group": "${group}", "mode": 640}, "${dir}/sub": {"owner": "${user}"}}
      """
    Then EX-CHMOD-06: "${dir}/one" belongs to "${user}:${group}"
    And EX-CHMOD-06: "${dir}/three" belongs to "${user}:${group}"
    And EX-CHMOD-06: "${dir}/three" has the mode 640
    And EX-CHMOD-06: "${dir}/sub" is owned by "${user}"
    And EX-CHMOD-05: "${dir}/one" has the mode 644
    And EX-CHMOD-06: "${dir}/two" belongs to "${own}"
    And EX-CHMOD-06: "${dir}/sub/in" belongs to "${own}"
    When I call chmodFiles with
      """
      {"${dir}/one": {"mode": 600, "owner": null, "group": ""}, "${dir}/three": {"mode": 604}}
      """
    Then EX-CHMOD-05: "${dir}/one" belongs to "${user}:${group}"
    And EX-CHMOD-05: "${dir}/three" belongs to "${user}:${group}"
    And EX-CHMOD-05: "${dir}/one" has the mode 600
    When I call chmodFiles with
      """
      {"${dir}/one": {"mode": 601, "owner": "", "group": null}}
      """
    Then EX-CHMOD-05: "${dir}/one" belongs to "${user}:${group}"
    When I call chmodFiles with
      """
      {"${dir}/two": {"group": "${group}", "mode": 4711}}
      """
    Then EX-CHMOD-06: "${dir}/two" has the group "${group}"
    And I ask for info on "${dir}/one" and "${dir}/two"
    Then EX-INFO-07: the info on "${dir}/one" says owner "${user}"
    And EX-INFO-07: the info on "${dir}/one" says group "${group}"
    And EX-INFO-07: the info on "${dir}/two" says group "${group}"
    And EX-CHMOD-06: "${dir}/two" has the mode 4711
    When I upload "${dir}/new/up/load" with the text "mine" and the metadata {"owner": "${user}", "group": "${group}"}
    Then EX-UPLOAD-12: "${dir}/new/up/load" belongs to "${user}:${group}"
    When I upload "${dir}/three" with the text "mine" and the metadata {"owner": "${group}", "group": "${user}", "mode": 640}
    Then EX-UPLOAD-12: "${dir}/three" belongs to "${group}:${user}"
    And EX-UPLOAD-12: "${dir}/three" has the mode 640
    When I upload "${dir}/modes" with the text "mine" and the metadata {"owner": "${user}", "group": "${group}", "mode": 600}
    Then EX-UPLOAD-12: "${dir}/modes" belongs to "${user}:${group}"
    When I upload "${dir}/grouped" with the text "mine" and the metadata {"group": "${group}"}
    Then EX-UPLOAD-12: "${dir}/grouped" has the group "${group}"
    And EX-UPLOAD-13: "${dir}/new/up" belongs to "${user}:${group}"
    And EX-UPLOAD-13: "${dir}/new" belongs to "${user}:${group}"
    When I run: chmod 444 ${dir}/one
    And I call replaceContent with
      """
      {"${dir}/one": {"old": "osc", "new": "so"}}
      """
    Then EX-REPLACE-04: "${dir}/one" belongs to "${user}:${group}"
    And EX-REPLACE-03: "${dir}/one" has the mode 444
    When I call makeDirs with
      """
      {"${dir}/made": {"mode": 750, "owner": "${user}", "group": "${group}"}, "${dir}/second": {"mode": 700, "owner": "${group}", "group": "${user}"}, "${dir}/plain": {"mode": 755, "owner": null, "group": null}}
      """
    Then EX-MKDIR-08: "${dir}/made" belongs to "${user}:${group}"
    And EX-MKDIR-08: "${dir}/made" has the mode 750
    And EX-MKDIR-08: "${dir}/second" belongs to "${group}:${user}"
    And EX-MKDIR-08: "${dir}/plain" belongs to "${own}"
    When I call makeDirs with
      """
      {"${dir}/owned": {"owner": "${user}"}, "${dir}/grouped-too": {"group": "${group}"}, "${dir}/halved": {"owner": "${user}", "group": null}}
      """
    Then EX-MKDIR-08: "${dir}/owned" is owned by "${user}"
    And EX-MKDIR-08: "${dir}/grouped-too" has the group "${group}"
    And EX-MKDIR-08: "${dir}/halved" is owned by "${user}"
    When I run: stat -c %G ${dir}/plain
    And I remember that line as the daemon's own
    Then EX-MKDIR-08: "${dir}/halved" has the group "${own}"

  @EX-CHMOD-03 @EX-CHMOD-04 @EX-CHMOD-07 @EX-CHMOD-08 @EX-CHMOD-10 @EX-CHMOD-11 @EX-CHMOD-12 @EX-CHMOD-01
  Scenario: Permissions that can't be set
    Given these are there
      | ${dir}/one |
      | ${dir}/two |
    When I call chmodFiles with
      """
      {"${dir}/missing": {"mode": 600}}
      """
    Then EX-CHMOD-03: the answer is no success
    And EX-CHMOD-04: the answer is 404
    When I call chmodFiles with
      """
      {"${dir}/a-missing": {"mode": 600}, "${dir}/one": {"mode": 600}, "${dir}/z-missing": {"mode": 600}}
      """
    Then EX-CHMOD-03: the answer is no success
    And EX-CHMOD-04: the answer is 404
    And EX-CHMOD-11: "${dir}/one" has the mode 644
    When I call chmodFiles with
      """
      {"${dir}/one": {"mode": 600, "owner": "osc-no-such-user"}}
      """
    Then EX-CHMOD-07: the answer is no success
    And EX-CHMOD-08: the answer is 400
    And EX-CHMOD-07: "${dir}/one" has the mode 644
    When I call chmodFiles with
      """
      {"${dir}/one": {"mode": 600, "group": "osc-no-such-group"}}
      """
    Then EX-CHMOD-07: the answer is no success
    And EX-CHMOD-08: the answer is 400
    And EX-CHMOD-07: "${dir}/one" has the mode 644
    When I call chmodFiles with
      """
      {"${dir}/one": {"mode": 600}, "${dir}/two": {"mode": 600, "owner": "osc-no-such-user"}}
      """
    Then EX-CHMOD-07: the answer is no success
    And EX-CHMOD-11: "${dir}/one" has the mode 644
    And EX-CHMOD-07: "${dir}/two" has the mode 644
    When I call chmodFiles with
      """
      {"${dir}/one": {"mode": 600}, "${dir}/two": {"mode": 600, "group": "osc-no-such-group"}}
      """
    Then EX-CHMOD-07: the answer is no success
    And EX-CHMOD-07: "${dir}/two" has the mode 644
    When I call chmodFiles with
      """
      {"${dir}/one": {"mode": 680}}
      """
    Then EX-CHMOD-10: the answer is 400
    When I call chmodFiles with
      """
      {"${dir}/one": {"mode": 609}}
      """
    Then EX-CHMOD-10: the answer is 400
    And EX-CHMOD-10: "${dir}/one" has the mode 644
    And EX-CHMOD-12: chmodFiles refuses each of these with 400
      | what           | body                                        |
      | mode is text   | {"${dir}/one": {"mode": "rw"}}              |
      | mode is a list | {"${dir}/one": {"mode": [600]}}             |
      | a list         | [{"${dir}/one": {"mode": 600}}]             |
      | not JSON       | ${dir}/one=600                              |
      | cut off        | {"${dir}/one": {"mode": 600}                |
      | text behind it | {"${dir}/one": {"mode": 600}} and more      |
      | owner a number | {"${dir}/one": {"mode": 600, "owner": 7}}   |
    And EX-CHMOD-12: "${dir}/one" has the mode 644

  @EX-MOVE-01 @EX-MOVE-02 @EX-HTTP-03
  Scenario: Moving files and directories
    Given these are there
      | ${dir}/one             | first  |
      | ${dir}/two words       | second |
      | ${dir}/tree/deep/leaf  | green  |
      | ${dir}/tree/.hidden    | grey   |
      | ${dir}/tree/empty/     |        |
      | ${dir}/tree/link -> .hidden |   |
      | ${dir}/other/          |        |
    When I call renameFiles with
      """
      [{"src": "${dir}/one", "dest": "${dir}/uno"}, {"src": "${dir}/two words", "dest": "${dir}/other/dos"}]
      """
    Then EX-MOVE-01: the answer is 200
    And EX-HTTP-03: the answer has the header Content-Length: 0
    When I call renameFiles with
      """
      [{"src": "${dir}/tree", "dest": "${dir}/other/wood"}]
      """
    Then EX-MOVE-02: these are there, and nothing else below "${dir}"
      | uno                  | first  |
      | other                |        |
      | other/dos            | second |
      | other/wood           |        |
      | other/wood/.hidden   | grey   |
      | other/wood/deep      |        |
      | other/wood/deep/leaf | green  |
      | other/wood/empty     |        |
      | other/wood/link      |        |

  @EX-MOVE-03 @EX-MOVE-04 @EX-MOVE-05 @EX-MOVE-06 @EX-MOVE-01
  Scenario: Moves that can't be made
    Given these are there
      | ${dir}/one | first  |
      | ${dir}/two | second |
    When I call renameFiles with
      """
      [{"src": "${dir}/missing", "dest": "${dir}/there"}]
      """
    Then EX-MOVE-03: the answer is 404
    And EX-MOVE-03: there is no file "${dir}/there"
    When I call renameFiles with
      """
      [{"src": "${dir}/one", "dest": "${dir}/uno"}, {"src": "${dir}/missing", "dest": "${dir}/there"}]
      """
    Then EX-MOVE-03: the answer is 404
    And EX-MOVE-05: there is still "${dir}/one"
    And EX-MOVE-05: there is no file "${dir}/uno"
    When I call renameFiles with
      """
      [{"src": "${dir}/one", "dest": "${dir}/two"}]
      """
    Then EX-MOVE-04: one was refused with 400 and both stay, or "${dir}/two" is now what "${dir}/one" was
    Given these are there
      | ${dir}/from/in  | first  |
      | ${dir}/to/other | second |
      | ${dir}/one      | first  |
      | ${dir}/two      | second |
    When I call renameFiles with
      """
      [{"src": "${dir}/from", "dest": "${dir}/to"}]
      """
    Then EX-MOVE-04: it was refused with 400 and both directories stay, or "${dir}/to" is now what "${dir}/from" was
    Given these are there
      | ${dir}/onto/ | |
    When I call renameFiles with
      """
      [{"src": "${dir}/one", "dest": "${dir}/uno"}, {"src": "${dir}/two", "dest": "${dir}/onto"}]
      """
    Then EX-MOVE-05: where that was refused, "${dir}/one" and "${dir}/two" are still there, and "${dir}/uno" is not
    When I run: rm -rf ${dir}/from ${dir}/to ${dir}/onto ${dir}/uno ${dir}/one ${dir}/two
    Given these are there
      | ${dir}/one | first  |
      | ${dir}/two | second |
    Then EX-MOVE-06: renameFiles refuses each of these with 400
      | what            | body                                                              |
      | no dest         | [{"src": "${dir}/one"}]                                           |
      | no src          | [{"dest": "${dir}/uno"}]                                          |
      | an object       | {"src": "${dir}/one", "dest": "${dir}/uno"}                       |
      | dest a number   | [{"src": "${dir}/one", "dest": 7}]                                |
      | src a list      | [{"src": ["${dir}/one"], "dest": "${dir}/uno"}]                   |
      | not JSON        | ${dir}/one ${dir}/uno                                             |
      | cut off         | [{"src": "${dir}/one", "dest": "${dir}/uno"}                      |
      | text behind it  | [{"src": "${dir}/one", "dest": "${dir}/uno"}] and more            |
      | the second bad  | [{"src": "${dir}/one", "dest": "${dir}/uno"}, {"src": "${dir}/two"}] |
    And EX-MOVE-06: these are there, and nothing else below "${dir}"
      | one | first  |
      | two | second |

  @EX-SEARCH-01 @EX-SEARCH-02 @EX-SEARCH-03 @EX-SEARCH-04 @EX-SEARCH-06 @EX-SEARCH-07 @EX-SEARCH-08
  Scenario: Searching a tree
    Given these are there
      | ${dir}/top.txt              |
      | ${dir}/top.md               |
      | ${dir}/LOUD.TXT             |
      | ${dir}/.hidden.txt          |
      | ${dir}/.git/config          |
      | ${dir}/txt                  |
      | ${dir}/none                 |
      | ${dir}/src/main.go          |
      | ${dir}/src/domain.go        |
      | ${dir}/src/mainxgo          |
      | ${dir}/src/a/inner.go       |
      | ${dir}/src/a/b/c/deep.txt   |
      | ${dir}/src/a/b/c/deep.txt.bak |
      | ${dir}/src/a/x y.txt        |
      | ${dir}/src/a/dir.txt/in     |
      | ${dir}/empty/               |
      | ${dir}/loop -> .            |
      | ${dir}/far -> src           |
      | ${dir}/src/out -> ../.git   |
    And I run: : > ${dir}/none
    When I search "${dir}" for "**"
    Then EX-SEARCH-01: the answer is 200
    And EX-SEARCH-02: every path found is absolute
    And EX-SEARCH-03: the files found are
      | ${dir}/top.txt              |
      | ${dir}/top.md               |
      | ${dir}/LOUD.TXT             |
      | ${dir}/.hidden.txt          |
      | ${dir}/.git/config          |
      | ${dir}/txt                  |
      | ${dir}/none                 |
      | ${dir}/src/main.go          |
      | ${dir}/src/domain.go        |
      | ${dir}/src/mainxgo          |
      | ${dir}/src/a/inner.go       |
      | ${dir}/src/a/b/c/deep.txt   |
      | ${dir}/src/a/b/c/deep.txt.bak |
      | ${dir}/src/a/x y.txt        |
      | ${dir}/src/a/dir.txt/in     |
    And EX-SEARCH-06: no directory is found
    And EX-SEARCH-07: nothing below "${dir}/loop/" is found
    And EX-SEARCH-07: nothing below "${dir}/far/" is found
    And EX-SEARCH-07: each of them is found once
    When I search "${dir}" without a pattern
    Then EX-SEARCH-03: the files found are
      | ${dir}/top.txt              |
      | ${dir}/top.md               |
      | ${dir}/LOUD.TXT             |
      | ${dir}/.hidden.txt          |
      | ${dir}/.git/config          |
      | ${dir}/txt                  |
      | ${dir}/none                 |
      | ${dir}/src/main.go          |
      | ${dir}/src/domain.go        |
      | ${dir}/src/mainxgo          |
      | ${dir}/src/a/inner.go       |
      | ${dir}/src/a/b/c/deep.txt   |
      | ${dir}/src/a/b/c/deep.txt.bak |
      | ${dir}/src/a/x y.txt        |
      | ${dir}/src/a/dir.txt/in     |
    When I search "${dir}" for "*.txt"
    Then EX-SEARCH-04: the files found are
      | ${dir}/top.txt            |
      | ${dir}/.hidden.txt        |
      | ${dir}/src/a/b/c/deep.txt |
      | ${dir}/src/a/x y.txt      |
    And EX-SEARCH-02: the files found are
      | ${dir}/top.txt            |
      | ${dir}/.hidden.txt        |
      | ${dir}/src/a/b/c/deep.txt |
      | ${dir}/src/a/x y.txt      |
    And EX-SEARCH-06: no directory is found
    When I search "${dir}" for "top.*"
    Then EX-SEARCH-04: the files found are
      | ${dir}/top.txt |
      | ${dir}/top.md  |
    When I search "${dir}" for "main.go"
    Then EX-SEARCH-04: the files found are
      | ${dir}/src/main.go |
    When I search "${dir}" for "main.??"
    Then EX-SEARCH-04: the files found are
      | ${dir}/src/main.go |
    When I search "${dir}" for "[mt]*.[gm][od]"
    Then EX-SEARCH-04: the files found are
      | ${dir}/src/main.go |
      | ${dir}/top.md      |
    When I search "${dir}/src" for "*.txt"
    Then EX-SEARCH-04: the files found are
      | ${dir}/src/a/b/c/deep.txt |
      | ${dir}/src/a/x y.txt      |
    When I search "${dir}/src" for "*g*"
    Then EX-SEARCH-07: the files found are
      | ${dir}/src/main.go   |
      | ${dir}/src/domain.go |
      | ${dir}/src/mainxgo   |
      | ${dir}/src/a/inner.go |
    When I search "${dir}" for "no-such-*"
    Then EX-SEARCH-04: nothing is found
    When I search "${dir}/empty" for "**"
    Then EX-SEARCH-03: nothing is found
    When I search "${dir}" for "src/*.go"
    Then EX-SEARCH-08: the files found are
      | ${dir}/src/main.go   |
      | ${dir}/src/domain.go |
    When I search "${dir}" for "src/**/*.txt"
    Then EX-SEARCH-08: the files found are
      | ${dir}/src/a/b/c/deep.txt |
      | ${dir}/src/a/x y.txt      |
    When I search "${dir}" for "**/main.go"
    Then EX-SEARCH-08: the files found are
      | ${dir}/src/main.go |
    When I search "${dir}" for "**/top.md"
    Then EX-SEARCH-08: the files found are
      | ${dir}/top.md |
    When I search "${dir}" for "a/*.txt"
    Then EX-SEARCH-08: nothing is found

  @EX-SEARCH-05 @EX-SEARCH-09 @EX-SEARCH-10 @EX-SEARCH-01
  Scenario: Searches that can't be made
    When I search "${dir}/missing" for "**"
    Then EX-SEARCH-05: the answer is 404
    When I search "${dir}" for "[a-"
    Then EX-SEARCH-09: the answer is 400
    When I call searchFiles with the query "pattern=*"
    Then EX-SEARCH-10: the answer is 400

  @EX-REPLACE-01 @EX-REPLACE-02 @EX-REPLACE-03 @EX-HTTP-03
  Scenario: Replacing text
    Given these are there
      | ${dir}/one         | a.b a.b aXb A.B a.b\\n |
      | ${dir}/two words   | say a.b\\r\\nagain     |
      | ${dir}/other       | a.b stays              |
    And I run: chmod 751 ${dir}/one && chmod 666 "${dir}/two words" && echo set
    When I call replaceContent with
      """
      {"${dir}/one": {"old": "a.b", "new": "$1\\0&"}, "${dir}/two words": {"old": "a.b\r\n", "new": ""}}
      """
    Then EX-REPLACE-01: the answer is 200
    And EX-HTTP-03: the answer has the header Content-Length: 0
    And EX-REPLACE-02: "${dir}/one" holds "$1\\0& $1\\0& aXb A.B $1\\0&\n"
    And EX-REPLACE-02: "${dir}/two words" holds "say again"
    And EX-REPLACE-02: "${dir}/other" holds "a.b stays"
    And EX-REPLACE-03: "${dir}/one" has the mode 751
    And EX-REPLACE-03: "${dir}/two words" has the mode 666
    When I call replaceContent with
      """
      {"${dir}/other": {"old": "a", "new": "aa"}}
      """
    Then EX-REPLACE-02: "${dir}/other" holds "aa.b staays"
    When I call replaceContent with
      """
      {"${dir}/other": {"old": "not there", "new": "x"}}
      """
    Then EX-REPLACE-02: "${dir}/other" holds "aa.b staays"
    When I call replaceContent with
      """
      {"${dir}/other": {"old": "staays", "new": "Grüße 🦊\ttab"}}
      """
    Then EX-REPLACE-02: "${dir}/other" holds "aa.b Grüße 🦊	tab"
    When I upload "${dir}/raw" with bytes that are no text, 300000 of them, and "needle" in three places
    And I call replaceContent with
      """
      {"${dir}/raw": {"old": "needle", "new": "pin"}}
      """
    Then EX-REPLACE-02: "${dir}/raw" is what was uploaded, with "pin" for "needle"

  @EX-REPLACE-08 @EX-REPLACE-01
  Scenario: How often text was replaced
    Given the capability replace-counts
    And these are there
      | ${dir}/one | a b a b a |
      | ${dir}/two | none      |
    When I call replaceContent with the query "verbose=true" and the body
      """
      {"${dir}/one": {"old": "a", "new": "aa"}, "${dir}/two": {"old": "a", "new": "b"}}
      """
    Then EX-REPLACE-08: the answer counts 3 for "${dir}/one"
    And EX-REPLACE-08: the answer counts 0 for "${dir}/two"
    And EX-REPLACE-08: "${dir}/one" holds "aa b aa b aa"

  @EX-REPLACE-05 @EX-REPLACE-06 @EX-REPLACE-07 @EX-REPLACE-09 @EX-REPLACE-01
  Scenario: Replacements that can't be made
    Given these are there
      | ${dir}/one | text |
    When I call replaceContent with
      """
      {"${dir}/missing": {"old": "a", "new": "b"}}
      """
    Then EX-REPLACE-05: the answer is no success
    And EX-REPLACE-06: the answer is 404
    And EX-REPLACE-05: there is no file "${dir}/missing"
    When I call replaceContent with
      """
      {"${dir}/a-missing": {"old": "a", "new": "b"}, "${dir}/one": {"old": "text", "new": "other"}, "${dir}/z-missing": {"old": "a", "new": "b"}}
      """
    Then EX-REPLACE-05: the answer is no success
    And EX-REPLACE-06: the answer is 404
    And EX-REPLACE-07: "${dir}/one" holds "text"
    When I call replaceContent with
      """
      {"${dir}/one": {"old": "text", "new": "other"}, "${dir}/z-missing": {"old": "a", "new": "b"}}
      """
    Then EX-REPLACE-05: the answer is no success
    And EX-REPLACE-07: "${dir}/one" holds "text"
    And EX-REPLACE-09: replaceContent refuses each of these with 400
      | what           | body                                                     |
      | no old         | {"${dir}/one": {"new": "other"}}                         |
      | no new         | {"${dir}/one": {"old": "text"}}                          |
      | an empty old   | {"${dir}/one": {"old": "", "new": "other"}}              |
      | old a number   | {"${dir}/one": {"old": 7, "new": "other"}}               |
      | new a list     | {"${dir}/one": {"old": "text", "new": ["other"]}}        |
      | a list         | [{"${dir}/one": {"old": "text", "new": "other"}}]        |
      | not JSON       | ${dir}/one text other                                    |
      | cut off        | {"${dir}/one": {"old": "text", "new": "other"}           |
      | text behind it | {"${dir}/one": {"old": "text", "new": "other"}} and more |
    And EX-REPLACE-09: "${dir}/one" holds "text"

  @EX-INFO-06 @EX-INFO-08
  Scenario: What kind of file, and how old
    Given the capability directory-listing
    And these are there
      | ${dir}/file      |
      | ${dir}/script    |
      | ${dir}/none      |
      | ${dir}/sub/      |
      | ${dir}/link -> sub |
      | ${dir}/broken -> nowhere |
    When I run: mkfifo ${dir}/fifo && chmod 755 ${dir}/script && : > ${dir}/none && touch -m -d @1600000000 ${dir}/file && touch -a -d @1500000000 ${dir}/file && echo made
    And I ask for info on "${dir}/script" and "${dir}/none"
    Then EX-INFO-06: the info on "${dir}/script" says type "file"
    And EX-INFO-06: the info on "${dir}/none" says type "file"
    When I ask for info on "${dir}/broken" and "${dir}/file"
    Then EX-INFO-06: the info on "${dir}/broken" says type "symlink"
    When I ask for info on "${dir}/file" and "${dir}/sub"
    Then EX-INFO-06: the info on "${dir}/file" says type "file"
    And EX-INFO-06: the info on "${dir}/sub" says type "directory"
    And EX-INFO-08: the info on "${dir}/file" says that it was modified at 1600000000
    When I ask for info on "${dir}/link" and "${dir}/fifo"
    Then EX-INFO-06: the info on "${dir}/link" says type "symlink"
    And EX-INFO-06: the info on "${dir}/fifo" says type "other"

  @EX-DOWNLOAD-10 @EX-DOWNLOAD-11 @EX-DOWNLOAD-12
  Scenario: Downloads that should be refused well
    Given I upload "${dir}/digits" with the text "0123456789"
    When I download "${dir}/digits" with the range "bytes=10-"
    Then EX-DOWNLOAD-10: the answer has the header Content-Range: bytes */10
    When I run: mkfifo ${dir}/fifo && echo made
    And I download "${dir}/fifo", for at most 5 s
    Then EX-DOWNLOAD-11: the answer is 400
    When I download "/dev/zero", for at most 5 s
    Then EX-DOWNLOAD-11: the answer is 400
    When I call downloadFile
    Then EX-DOWNLOAD-12: the answer is 400
