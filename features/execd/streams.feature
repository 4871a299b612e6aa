Feature: Streams of events
  Output arrives while the command runs, whole, in order, and framed so that any event-stream reader can read it.

  @EX-STREAM-01 @EX-STREAM-02 @EX-STREAM-03 @EX-STREAM-04 @EX-STREAM-05 @EX-STREAM-06
  @EX-STREAM-10 @EX-STREAM-11 @EX-STREAM-12 @EX-STREAM-13 @EX-STREAM-14
  Scenario: A stream from its first to its last byte
    When I run: echo out; echo err >&2
    Then the stream has events
    When I run: exit 3
    Then the stream has events

  @EX-STREAM-09 @EX-STREAM-16
  Scenario: One event a line
    When I run: echo one; echo; echo three; echo oops >&2
    Then EX-STREAM-09: stdout is "one\n\nthree"
    And EX-STREAM-09: stderr is "oops"
    And EX-STREAM-16: the stdout events are
      | one   |
      | \n    |
      | three |
    And EX-STREAM-16: the stderr events are
      | oops |

  @EX-STREAM-08 @EX-STREAM-09
  Scenario: Everything that was written arrives
    When I run: printf 'no line end'
    Then EX-STREAM-08: stdout is "no line end"
    When I run: i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done
    Then EX-STREAM-08: stdout is the lines "line 0" to "line 19999"
    When I run: i=0; while [ $i -lt 500 ]; do echo "err $i" >&2; i=$((i+1)); done
    Then EX-STREAM-08: stderr is the lines "err 0" to "err 499"
    When I run: s=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do s=$s$s; [ ${#s} -ge 1048576 ] && break; done; printf %s "$s"
    Then EX-STREAM-08: stdout is "0123456789abcdef" 65536 times
    When I run: printf 'Gr\303\274\303\237e \342\202\254 \360\237\246\212\n'
    Then EX-STREAM-09: stdout is "Grüße € 🦊"
    When I run: s=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do s=$s$s; done; printf %s "$s" >&2
    Then EX-STREAM-08: stderr is "0123456789abcdef" 8192 times

  @EX-STREAM-02 @EX-STREAM-09 @EX-STREAM-10
  Scenario: Text of every kind
    When I run: printf '  lead\ttab <b>&amp;</b> "quotes" \033[31mred\033[0m back\\slash \\n trail  \n'
    Then EX-STREAM-09: stdout is the bytes "  lead\ttab <b>&amp;</b> \"quotes\" \x1b[31mred\x1b[0m back\\slash \\n trail  "
    When I run: printf '%s\n' 'C:\new\table'
    Then EX-STREAM-09: stdout is the bytes "C:\\new\\table"
    When I run: printf '  \ta <i> \033[1mb\033[0m  \n' >&2
    Then EX-STREAM-09: stderr is the bytes "  \ta <i> \x1b[1mb\x1b[0m  "
    When I run: printf 'a\342\200\250b\342\200\251c\302\205d\n'
    Then EX-STREAM-09: stdout is the bytes "a\u2028b\u2029c\u0085d"
    When I run: printf 'not \377 UTF-8\n'
    Then EX-STREAM-09: stdout begins with "not "

  @EX-STREAM-09
  Scenario: A character written in two parts
    When I run: printf 'a\342'; sleep 0.4; printf '\202\254b\n'
    Then EX-STREAM-09: stdout is "a€b"

  @EX-STREAM-07 @EX-STREAM-15
  Scenario: Lines arrive while the command runs
    Given a directory of my own
    When I run until I answer each line: for i in 1 2 3; do if [ $i = 2 ]; then echo "ready $i" >&2; else echo "ready $i"; fi; while [ ! -e ${dir}/go$i ]; do sleep 0.02; done; done
    Then EX-STREAM-07: each line came within the deadline of its being written
    And EX-STREAM-15: each line came very soon after its being written

  @EX-STREAM-15
  Scenario: A prompt without a line end
    When I run: printf 'name? '; sleep 1; echo done
    Then EX-STREAM-15: the text "name? " came at least 500 ms before the end
