-- The weekly and monthly report by SQL, over the snapshots. Replace BUCKET/PREFIX, and run one statement after the other.
-- Athena's engine 3 makes no view in which an array of structs is unnested, so the views go by the place in the array.

CREATE EXTERNAL TABLE keyturn_snapshots (
  account string, name string, run string, at string, dry_run boolean, whole boolean,
  policy struct<RotationPeriod:int,InactivePeriod:int,RecoveryGracePeriod:int>,
  users array<struct<`user`:string,exempt:boolean,owner_source:string>>,
  keys array<struct<`user`:string,key:string,age:int,state:string,overlays:array<string>,action:string,reason:string,sentence:string,next:struct<action:string,`date`:string>,successor:string,created:string,last_used:struct<at:string,service:string,region:string>,exempt:boolean,done:boolean,breaks:boolean>>,
  done_earlier array<struct<`user`:string,key:string,action:string,reason:string,at:string>>,
  failures array<struct<`user`:string,message:string>>,
  `left` array<string>
)
PARTITIONED BY (`date` string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/PREFIX/snapshots/'
TBLPROPERTIES (
  'projection.enabled' = 'true', 'projection.date.type' = 'date', 'projection.date.format' = 'yyyy-MM-dd',
  'projection.date.range' = '2026-01-01,NOW'
);

-- Each account and day on which it was entered and read, twice: for its week and for its month.
CREATE OR REPLACE VIEW keyturn_seen AS
SELECT 'weekly' AS kind, CAST(CAST(date_trunc('week', CAST("date" AS date)) AS date) AS varchar) AS first_day, s.*
FROM keyturn_snapshots s
WHERE cardinality(users) > 0 OR cardinality("left") > 0
   OR cardinality(filter(failures, f -> f."user" IS NULL)) = 0
UNION ALL
SELECT 'monthly' AS kind, substr("date", 1, 7) || '-01' AS first_day, s.*
FROM keyturn_snapshots s
WHERE cardinality(users) > 0 OR cardinality("left") > 0
   OR cardinality(filter(failures, f -> f."user" IS NULL)) = 0;

-- The last look at each account in each week and month.
CREATE OR REPLACE VIEW keyturn_last_look AS
SELECT s.*
FROM keyturn_seen s
JOIN (SELECT kind, first_day, account, max("date") AS last_day FROM keyturn_seen GROUP BY kind, first_day, account) l
  ON s.kind = l.kind AND s.first_day = l.first_day AND s.account = l.account AND s."date" = l.last_day;

-- Each key of the last look, with its one standing.
CREATE OR REPLACE VIEW keyturn_report_keys AS
SELECT kind, first_day, "date" AS last_day, account, name, dry_run, k."user" AS user_name, k.key AS key_id, k.age AS age,
  k.sentence AS sentence,
  CASE
    WHEN k.state NOT IN ('ACTIVE', 'ROTATED') THEN 'inactive'
    WHEN k.age <= rotation_period THEN 'within'
    WHEN k.exempt THEN 'exempt'
    WHEN contains(k.overlays, 'BLOCKED') OR contains(k.overlays, 'CONTESTED') THEN 'blocked'
    WHEN contains(k.overlays, 'RESTORED') THEN 'restored'
    WHEN k.state = 'ROTATED' THEN 'replaced'
    ELSE 'overdue'
  END AS standing
FROM (
  SELECT kind, first_day, "date", account, name, dry_run, policy.RotationPeriod AS rotation_period, element_at(keys, place) AS k
  FROM keyturn_last_look
  CROSS JOIN UNNEST(sequence(1, greatest(cardinality(keys), 1))) AS t (place)
) each_key
WHERE k IS NOT NULL;

-- What was done, by each run of a day.
CREATE OR REPLACE VIEW keyturn_report_done AS
SELECT kind, first_day, "date" AS day, account, name, k."user" AS user_name, k.key AS key_id, k.action AS action
FROM (
  SELECT kind, first_day, "date", account, name, element_at(keys, place) AS k
  FROM keyturn_seen CROSS JOIN UNNEST(sequence(1, greatest(cardinality(keys), 1))) AS t (place)
) each_key
WHERE k IS NOT NULL AND k.done
UNION ALL
SELECT kind, first_day, "date" AS day, account, name, k."user" AS user_name, k.key AS key_id, k.action AS action
FROM (
  SELECT kind, first_day, "date", account, name, element_at(done_earlier, place) AS k
  FROM keyturn_seen CROSS JOIN UNNEST(sequence(1, greatest(cardinality(done_earlier), 1))) AS t (place)
) each_step
WHERE k IS NOT NULL;

-- The weekly report's lists: keys that are overdue, blocked or exempt.
CREATE OR REPLACE VIEW keyturn_weekly AS
SELECT first_day, account, name, dry_run, user_name, key_id, age, standing, sentence
FROM keyturn_report_keys
WHERE kind = 'weekly' AND standing IN ('overdue', 'blocked', 'exempt');

-- The monthly report: a row for each month and account.
CREATE OR REPLACE VIEW keyturn_monthly AS
SELECT l.first_day, l.account, l.name, l.dry_run, l."date" AS last_day,
  cardinality(l.users) + coalesce(cardinality(l."left"), 0) AS users,
  coalesce(k.active, 0) AS active, coalesce(k.within, 0) AS within, coalesce(k.over_90, 0) AS over_90,
  coalesce(k.oldest, 0) AS oldest, k.age_average AS age_average,
  coalesce(d.rotated, 0) AS rotated, coalesce(d.disabled, 0) AS disabled, coalesce(d.deleted, 0) AS deleted
FROM keyturn_last_look l
LEFT JOIN (
  SELECT first_day, account,
    count_if(standing <> 'inactive') AS active,
    count_if(standing = 'within') AS within,
    count_if(standing <> 'inactive' AND age > 90) AS over_90,
    max(CASE WHEN standing <> 'inactive' THEN age END) AS oldest,
    round(avg(CASE WHEN standing <> 'inactive' THEN CAST(age AS double) END), 1) AS age_average
  FROM keyturn_report_keys WHERE kind = 'monthly' GROUP BY first_day, account
) k ON k.first_day = l.first_day AND k.account = l.account
LEFT JOIN (
  SELECT first_day, account,
    count_if(action = 'ROTATE') AS rotated,
    count_if(action = 'DISABLE') AS disabled,
    count_if(action = 'DELETE') AS deleted
  FROM keyturn_report_done WHERE kind = 'monthly' GROUP BY first_day, account
) d ON d.first_day = l.first_day AND d.account = l.account
WHERE l.kind = 'monthly';

SELECT sum(within) AS within, sum(active) AS active, sum(rotated) AS rotated FROM keyturn_monthly WHERE first_day = '2026-11-01';
