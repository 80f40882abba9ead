-- case: time
SELECT $__time(placed_at), amount FROM $<tenant>_orders
-- case: timeEpoch
SELECT $__timeEpoch(placed_at), amount FROM $<tenant>_orders
-- case: timeFilter
SELECT count(*) FROM $<tenant>_orders WHERE $__timeFilter(placed_at)
-- case: timeFilter of an expression with parentheses
SELECT count(*) FROM $<tenant>_orders WHERE NOT $__timeFilter(date_trunc('day', placed_at)) AND true
-- case: timeFrom and timeTo
SELECT count(*) FROM $<tenant>_orders WHERE placed_at > $__timeFrom() AND placed_at < $__timeTo()::timestamptz
-- case: timeGroup as an output and in GROUP BY
SELECT $__timeGroup(placed_at, '5m') AS t, count(*) FROM $<tenant>_orders GROUP BY $__timeGroup(placed_at, '5m')
-- case: timeGroupAlias with positions
SELECT $__timeGroupAlias(placed_at, '5m'), count(*) FROM $<tenant>_orders GROUP BY 1 ORDER BY 1
-- case: timeGroupAlias with $__interval
SELECT $__timeGroupAlias(placed_at, $__interval), count(*) FROM $<tenant>_orders GROUP BY 1
-- case: timeGroupAlias with an unquoted interval
SELECT $__timeGroupAlias(placed_at, 5m), count(*) FROM $<tenant>_orders GROUP BY 1
-- case: timeGroup in an expression
SELECT $__timeGroup(placed_at, '5m') + 60 AS t, count(*) FROM $<tenant>_orders GROUP BY 1
-- case: timeGroup whole and in an expression
SELECT $__timeGroup(placed_at, '5m') AS t, count(*) FROM $<tenant>_orders GROUP BY 1 HAVING $__timeGroup(placed_at, '5m') > 0
-- case: timeGroup outside of the copied block
SELECT $__timeGroupAlias(placed_at, '1h'), count(*) FROM (SELECT placed_at FROM $<tenant>_orders) t GROUP BY 1
-- case: timeGroup in a copied sub-select
SELECT time, sum(n) FROM (SELECT $__timeGroupAlias(placed_at, '1h'), count(*) AS n FROM $<tenant>_orders GROUP BY 1) t GROUP BY time ORDER BY time
-- case: timeGroup behind a star
SELECT *, $__timeGroup(placed_at, '1h') AS hour FROM $<tenant>_orders
-- case: timeGroup in both sides of a UNION
SELECT $__timeGroupAlias(placed_at, '1h') FROM $<tenant>_orders UNION ALL SELECT $__timeGroupAlias(queued_at, '1h') FROM $<tenant>_jobs
-- case: timeGroup of half a second
SELECT $__timeGroupAlias(placed_at, '500ms'), count(*) FROM $<tenant>_orders GROUP BY 1
-- case: timeGroup of two units and of a month
SELECT $__timeGroup(placed_at, '1h30m') AS a, $__timeGroup(placed_at, '1M') AS b FROM $<tenant>_orders
-- case: fill NULL
SELECT $__timeGroupAlias(placed_at, '5m', NULL), count(*) FROM $<tenant>_orders GROUP BY 1
-- case: fill previous
SELECT $__timeGroupAlias(placed_at, '5m', previous), count(*) FROM $<tenant>_orders GROUP BY 1
-- case: fill a number
SELECT $__timeGroupAlias(placed_at, '5m', 0.5), count(*) FROM $<tenant>_orders GROUP BY 1
-- case: fill zero
SELECT $__timeGroupAlias(placed_at, '5m', 0), count(*) FROM $<tenant>_orders GROUP BY 1
-- case: fill a negative number
SELECT $__timeGroupAlias(placed_at, '5m', -1), count(*) FROM $<tenant>_orders GROUP BY 1
-- case: fill something else
SELECT $__timeGroupAlias(placed_at, '5m', next), count(*) FROM $<tenant>_orders GROUP BY 1
-- case: unixEpochFilter
SELECT count(*) FROM $<tenant>_jobs WHERE $__unixEpochFilter(queued_epoch) OR true
-- case: unixEpochFrom and unixEpochTo
SELECT $__unixEpochFrom() AS a, $__unixEpochTo() AS b FROM $<tenant>_jobs
-- case: unixEpochNanoFilter
SELECT count(*) FROM $<tenant>_jobs WHERE $__unixEpochNanoFilter(queued_epoch)
-- case: unixEpochNanoFrom and unixEpochNanoTo
SELECT $__unixEpochNanoFrom() AS a, $__unixEpochNanoTo() AS b FROM $<tenant>_jobs
-- case: unixEpochGroup
SELECT $__unixEpochGroup(queued_epoch + 1, '5m') AS t, count(*) FROM $<tenant>_jobs GROUP BY 1
-- case: unixEpochGroupAlias
SELECT $__unixEpochGroupAlias(queued_epoch, '5m', 0), count(*) FROM $<tenant>_jobs GROUP BY 1
-- case: interval
SELECT count(*), $__interval AS step, $__interval_ms AS ms FROM $<tenant>_jobs WHERE queued_at > now() - $__interval::interval
-- case: param
SELECT count(*) FROM $<tenant>_orders WHERE status = $param(kind) AND id < $param(top) AND amount > $param(ratio) AND $param(open) AND placed_at > $param(since) AND status = $param(none)
-- case: param that nobody declared
SELECT $param(nothing) FROM $<tenant>_orders
-- case: in strings and comments
SELECT '$__timeFilter(x)' AS a /* $__nope() */ FROM $<tenant>_orders -- $__timeGroup(
-- case: unknown
SELECT 1 FROM $<tenant>_orders WHERE $__between(placed_at)
-- case: unknown without underscores
SELECT 1 FROM $<tenant>_orders WHERE $timeFilter(placed_at)
-- case: wrong case
SELECT 1 FROM $<tenant>_orders WHERE $__timefilter(placed_at)
-- case: no argument
SELECT 1 FROM $<tenant>_orders WHERE $__timeFilter()
-- case: too many arguments
SELECT 1 FROM $<tenant>_orders WHERE $__timeFilter(placed_at, 1)
-- case: an argument too many
SELECT $__timeFrom(1) FROM $<tenant>_orders
-- case: timeGroup without an interval
SELECT $__timeGroup(placed_at) FROM $<tenant>_orders
-- case: an interval that is none
SELECT $__timeGroup(placed_at, '5x') FROM $<tenant>_orders
-- case: an interval of nothing
SELECT $__timeGroup(placed_at, '0s') FROM $<tenant>_orders
-- case: an interval from a column
SELECT $__timeGroup(placed_at, status) FROM $<tenant>_orders
-- case: an alias on what has its own
SELECT $__timeGroupAlias(placed_at, '5m') AS t FROM $<tenant>_orders
-- case: an alias form in an expression
SELECT $__time(placed_at) + 1 FROM $<tenant>_orders
-- case: an alias form in GROUP BY
SELECT count(*) FROM $<tenant>_orders GROUP BY $__timeGroupAlias(placed_at, '5m')
-- case: without parentheses
SELECT 1 FROM $<tenant>_orders WHERE $__timeFilter
-- case: a star as its argument
SELECT $__time(*) FROM $<tenant>_orders
-- case: nested
SELECT count(*) FROM $<tenant>_orders WHERE $__timeFilter(to_timestamp($__unixEpochFrom()))

-- case: an epoch filter before another condition
SELECT count(*) FROM $<tenant>_jobs WHERE $__unixEpochFilter(queued_epoch) AND state = 'done'

-- case: an epoch filter behind another condition
SELECT count(*) FROM $<tenant>_jobs WHERE state = 'done' AND $__unixEpochFilter(queued_epoch) AND (id > 1 OR $__unixEpochFilter(queued_epoch))
-- case: unixEpochFilter before and after other conditions
SELECT id FROM $<tenant>_jobs WHERE $__unixEpochFilter(queued_epoch) AND id > 5 AND $__unixEpochFilter(queued_epoch)
-- case: timeGroup without a name
SELECT $__timeGroup(placed_at, '5m'), count(*) FROM $<tenant>_orders GROUP BY $__timeGroup(placed_at, '5m'), status
-- case: timeGroup of an expression
SELECT $__timeGroup(date_trunc('hour', placed_at), '1d'), count(*) FROM $<tenant>_orders GROUP BY 1
-- case: timeGroup with an unreadable fill value
SELECT $__timeGroup(placed_at, '5m', 'nothing'), count(*) FROM $<tenant>_orders GROUP BY 1
