Feature: Metrics
  What the sandbox uses of processor and memory, once or as a stream.

  @EX-METRICS-01 @EX-METRICS-02 @EX-METRICS-07
  Scenario: One measurement
    When I call getMetrics
    Then EX-METRICS-01: the answer is 200
    And EX-METRICS-02: the metrics are plausible
    And EX-METRICS-07: the metrics are there under the older names too

  @EX-METRICS-03
  Scenario: The limit of the sandbox
    When I call getMetrics
    Then EX-METRICS-03: the total of memory is the limit of the sandbox, where it has one

  @EX-METRICS-04 @EX-METRICS-05 @EX-METRICS-06 @EX-STREAM-01 @EX-STREAM-02
  Scenario: Watching the metrics
    When I watch the metrics until 5 frames have come, for at most 8 s
    Then EX-METRICS-05: at least 3 frames came, each of them plausible
    And EX-METRICS-06: the frames came once a second, their timestamps rising
