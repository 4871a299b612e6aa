Feature: Shell sessions
  A session is a shell that stays: what one run changes of its working directory and environment, the next one finds.

  Background:
    Given the capability sessions

  @EX-SESSION-01 @EX-SESSION-02 @EX-SESSION-04 @EX-SESSION-05 @EX-SESSION-07 @EX-SESSION-14
  Scenario: What a session keeps
    Given a directory of my own
    And a session
    When in the session I run: mkdir "${dir}/a place" && cd "${dir}/a place" && export OSC_STAGE='one two' OSC_MORE=3
    Then EX-SESSION-02: the stream ends in execution_complete
    And EX-SESSION-14: the text of init is "${session}"
    When in the session I run: pwd -P; printf '%s:%s\n' "$OSC_STAGE" "$OSC_MORE"
    Then EX-SESSION-04: stdout begins with "${dir}/a place"
    And EX-SESSION-05: stdout is "${dir}/a placeone two:3"
    When in the session I run: sh -c 'echo "$OSC_STAGE"'
    Then EX-SESSION-05: stdout is "one two"
    When in the session I run: unset OSC_STAGE; export OSC_MORE=4
    And in the session I run: sh -c 'echo "[$OSC_STAGE][$OSC_MORE]"'
    Then EX-SESSION-05: stdout is "[][4]"
    When in the session I run: export OSC_LINES="$(printf 'a\nb\nc')"
    And in the session I run: printf %s "$OSC_LINES" | wc -l
    Then EX-SESSION-05: stdout has the word "2"
    When in the session I run: export OSC_FAILED=yes; cd "${dir}"; false
    And in the session I run: printf '%s:' "$OSC_FAILED"; pwd -P
    Then EX-SESSION-05: stdout begins with "yes:"
    And EX-SESSION-04: stdout is "yes:${dir}"
    When in the session I run: cd "a place" && echo in
    And in the session I run: cd ..
    And in the session I run: pwd -P
    Then EX-SESSION-04: stdout is "${dir}"
    When in the session I run: plain='not exported'; greet() { echo "hello, $1"; }
    And in the session I run: greet "$plain"
    Then EX-SESSION-07: stdout is "hello, not exported"

  @EX-SESSION-04 @EX-SESSION-05
  Scenario: Two sessions, and a command beside them
    Given a directory of my own
    And a session in "${dir}"
    When in the session I run: export OSC_WHOSE=first; mkdir sub; cd sub
    And I remember the session as "first"
    And a session in "${dir}"
    And in the session I run: echo "[$OSC_WHOSE]"; pwd -P
    Then EX-SESSION-05: stdout begins with "[]"
    And EX-SESSION-04: stdout is "[]${dir}"
    When I run: echo "[$OSC_WHOSE]"
    Then EX-SESSION-05: stdout is "[]"
    When in the session "first" I run: echo "[$OSC_WHOSE]"; pwd -P
    Then EX-SESSION-05: stdout begins with "[first]"
    And EX-SESSION-04: stdout is "[first]${dir}/sub"

  @EX-SESSION-06 @EX-SESSION-01
  Scenario: Where a run happens
    Given a directory of my own
    And these are there
      | ${dir}/begin/ |
      | ${dir}/run/   |
    When a session in "${dir}/begin"
    And in the session I run: pwd -P
    Then EX-SESSION-06: stdout is "${dir}/begin"
    When in the session I run, in "${dir}/run": pwd -P; echo here > mark
    Then EX-SESSION-06: stdout is "${dir}/run"
    And EX-SESSION-06: "${dir}/run/mark" holds "here\n"
    When I run: mkdir "${dir}/it's a \"place\"" && echo made
    And in the session I run, in "${dir}/it's a \"place\"": pwd -P
    Then EX-SESSION-06: stdout is "${dir}/it's a \"place\""
    When in the session I run, in "${dir}/missing": echo it ran > ${dir}/elsewhere
    Then EX-SESSION-06: there is no file "${dir}/elsewhere"

  @EX-SESSION-10 @EX-SESSION-13 @EX-SESSION-02
  Scenario: How runs end, and what they write
    Given a session
    When in the session I run: true
    Then EX-SESSION-10: the stream ends in execution_complete
    When in the session I run: (exit 7)
    Then EX-SESSION-10: the exit code is 7
    When in the session I run: false
    Then EX-SESSION-10: the exit code is 1
    When in the session I run: (exit 200)
    Then EX-SESSION-10: the exit code is 200
    When in the session I run: no-such-command-anywhere
    Then EX-SESSION-10: the exit code is 127
    When in the session I run: echo out; echo err >&2; printf 'no end'
    Then EX-SESSION-13: stdout is "outno end"
    And EX-SESSION-13: nothing came behind the terminal event
    And EX-SESSION-13: stderr is "err"
    And EX-SESSION-10: the stream ends in execution_complete
    When in the session I run: echo second
    Then EX-SESSION-13: stdout is "second"
    And EX-SESSION-13: stderr is ""
    When in the session I run: i=0; while [ $i -lt 5000 ]; do echo "line $i"; i=$((i+1)); done
    Then EX-SESSION-13: stdout is the lines "line 0" to "line 4999"
    When in the session I run: printf '%s\n' 'Grüße "quoted" $HOME `id` \n' "it's"
    Then EX-SESSION-13: stdout is "Grüße \"quoted\" $HOME `id` \\nit's"
    When in the session I run: printf '  \tlead and trail  \n'
    Then EX-SESSION-13: stdout is the bytes "  \tlead and trail  "
    When in the session I run: s=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do s=$s$s; done; echo "$s"
    Then EX-SESSION-13: stdout is "0123456789abcdef" 8192 times
    When in the session I run: cat
    Then EX-SESSION-13: stdout is ""

  @EX-SESSION-09
  Scenario: A run that takes too long
    Given a session
    When in the session I run: export OSC_KEPT=yes
    And in the session I run, for at most 400 ms: sleep 306
    Then EX-SESSION-09: the answer took at most 5400 ms
    And EX-SESSION-09: the exit code is an integer other than 0
    When in the session I run: echo "kept $OSC_KEPT"
    Then EX-SESSION-09: stdout is "kept yes"
    When in the session I run, for at most 60000 ms: echo in time
    Then EX-SESSION-09: stdout is "in time"
    When in the session I run, for at most 0 ms: sleep 0.3; echo no limit
    Then EX-SESSION-09: stdout is "no limit"

  @EX-SESSION-11 @EX-SESSION-01
  Scenario: Sessions as clients create them
    Then EX-SESSION-11: a session
    When in the session I run: echo one
    Then EX-SESSION-11: stdout is "one"
    And EX-SESSION-11: a session created with the content type JSON and an empty body
    When in the session I run: echo two
    Then EX-SESSION-11: stdout is "two"

  @EX-SESSION-12 @EX-SESSION-02
  Scenario: Runs that make no sense
    Given a directory of my own
    And a session
    Then EX-SESSION-12: runInSession for "${session}" refuses each of these with 400
      | what              | body                                                         |
      | no command        | {"cwd": "${dir}"}                                            |
      | a number          | {"command": 7}                                               |
      | a list            | ["echo it ran > ${dir}/mark"]                                |
      | not JSON          | command=echo                                                 |
      | cut off           | {"command": "echo it ran > ${dir}/mark"                      |
      | text behind it    | {"command": "echo it ran > ${dir}/mark"} and more            |
      | timeout is text   | {"command": "echo it ran > ${dir}/mark", "timeout": "soon"}  |
      | cwd is a number   | {"command": "echo it ran > ${dir}/mark", "cwd": 7}           |
    And EX-SESSION-12: there is no file "${dir}/mark"
    When in the session I run: echo still there
    Then stdout is "still there"

  @EX-SESSION-03 @EX-SESSION-08 @EX-SESSION-02 @EX-HTTP-03
  Scenario: The end of a session
    Given a directory of my own
    And a session
    When I call deleteSession for "${session}"
    Then EX-SESSION-03: the answer is 200
    And EX-HTTP-03: the answer has the header Content-Length: 0
    When in the session I run: echo it ran > ${dir}/mark
    Then EX-SESSION-08: the answer is 404
    When I call deleteSession for "${session}"
    Then EX-SESSION-08: the answer is 404
    When I call deleteSession for "${unknown}"
    Then EX-SESSION-08: the answer is 404
    When I call runInSession for "${unknown}" with
      """
      {"command": "echo it ran > ${dir}/mark"}
      """
    Then EX-SESSION-08: the answer is 404
    And EX-SESSION-08: there is no file "${dir}/mark"
