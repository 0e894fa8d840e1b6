-- What Porchlight remembers. All times are milliseconds since 1970, UTC. Words (presence, kind,
-- severity, closed_because and so on) are those of the command line's JSON. Text is as shown to people.
-- Changed only by a new file in migrations/; a released one is never edited.

-- Single facts about this installation: instance (24 bits, drawn once), node (in MQTT topics),
-- minted (how many device ids were given out), mode (set by hand), persons (their ids by name, a JSON object),
-- stopped_ms (last sign of life of the last run).
create table meta (
  key   text primary key,
  value text not null
) strict, without rowid;

-- Everything that stands for itself of one device; lists are in the device_… tables.
create table device (
  id                 text    primary key,          -- minted once, never derived from an address
  name               text    not null,
  name_source        text    not null,
  own_name           text,                         -- typed by a person in Porchlight
  slug               text,                         -- fixed at first exposure, Home Assistant's entity ids rest on it
  hostname           text,
  vendor             text,
  vendor_source      text,
  kind               text    not null,
  kind_confidence    real    not null,
  os                 text,
  model              text,
  area               text,
  owner              text,
  group_name         text,                         -- `group` is a word of SQL
  notes              text,
  important          integer not null,
  alerts             integer not null,             -- its alerts are told
  trust              text    not null,
  randomised         integer not null,
  is_own             integer not null,
  is_gateway         integer not null,
  presence           text    not null,
  presence_reason    text    not null,
  first_seen_ms      integer not null,
  last_seen_ms       integer not null,             -- written every minute and at the end
  since_ms           integer not null,
  signal_dbm         integer,
  segment            text,
  away_after_s       integer not null,             -- 0: learned
  tier               text    not null,
  exposed            integer not null,
  hidden             integer not null,
  away_for_s         integer not null              -- of the last return
) strict;

-- Lists of a device. `position` keeps their order, which means something (newest first).
create table device_mac (
  device   text    not null references device (id) on delete cascade,
  position integer not null,
  mac      text    not null,
  primary key (device, position)
) strict, without rowid;
create index device_mac_mac on device_mac (mac);

create table device_address (
  device   text    not null references device (id) on delete cascade,
  position integer not null,
  address  text    not null,
  primary key (device, position)
) strict, without rowid;

create table device_source (
  device   text    not null references device (id) on delete cascade,
  position integer not null,
  source   text    not null,
  primary key (device, position)
) strict, without rowid;

create table device_service (
  device   text    not null references device (id) on delete cascade,
  position integer not null,
  tcp      integer not null,                       -- 0: UDP
  port     integer not null,
  name     text    not null,
  product  text,
  primary key (device, position)
) strict, without rowid;

-- What identity, naming and the learned habits rest on; the presence engine alone knows the keys.
create table device_fact (
  device   text    not null references device (id) on delete cascade,
  position integer not null,
  key      text    not null,
  value    text    not null,
  primary key (device, position)
) strict, without rowid;

-- Ids that are gone for ever, so that whoever still shows them can clean up.
create table tombstone (
  device text    primary key,
  at_ms  integer not null
) strict, without rowid;

-- A span in which a device was seen without a gap longer than its own silence allows.
-- One row a span, not one a sighting: sightings are counted, never stored.
create table window (
  id           integer primary key,
  device       text    not null references device (id) on delete cascade,
  start_ms     integer not null,
  last_ms      integer not null,                   -- time of the last proof; equals end_ms once closed
  end_ms       integer,                            -- null while open: at most one per device, see the index below
  sightings    integer not null,
  reconnects   integer not null,
  min_dbm      integer,
  max_dbm      integer,
  last_dbm     integer,
  segment      text,
  closed_because text check ((end_ms is null) = (closed_because is null)),
  stitched       integer not null default 0        -- departures in it that were found to be none
) strict;
create unique index window_span on window (device, start_ms);
create unique index window_open on window (device) where end_ms is null;
create index window_start on window (start_ms);
create index window_end on window (end_ms);

-- What happened, once, for the event log. `device` has no reference: an event may outlive what it is about.
create table event (
  id     integer primary key,                      -- grows; `--follow` goes on after the last one
  at_ms  integer not null,
  kind   text    not null,
  device text,
  data   text    not null                          -- a JSON object
) strict;
create index event_at on event (at_ms);
create index event_device on event (device);
create index event_kind on event (kind, id);

-- Alerts, open and closed. Parties are kept as on the wire, with the device they were taken for.
create table alert (
  id              text    primary key,             -- sorts by time
  sequence        integer not null,
  detector        text    not null,
  category        text    not null,
  severity        text    not null,
  confidence      real    not null,
  title           text    not null,
  detail          text    not null,
  recommendation  text    not null,
  attacker_device text,
  attacker_mac    text,
  attacker_ip     text,
  attacker_name   text,
  victim_device   text,
  victim_mac      text,
  victim_ip       text,
  victim_name     text,
  technique       text    not null,                -- a JSON array of ATT&CK ids
  first_seen_ms   integer not null,
  last_seen_ms    integer not null,
  count           integer not null,
  state           text    not null,
  evidence        text    not null,                -- a JSON array of [key, value]; keys may repeat
  incident        text    not null,
  key             text    not null default ''      -- with the detector: what makes two findings the same alert
) strict;
create index alert_last_seen on alert (last_seen_ms);
create index alert_state on alert (state, last_seen_ms);

-- Detector and device whose alerts nobody wants until then.
create table mute (
  position integer primary key,
  detector text    not null,
  device   text    not null,
  until_ms integer not null
) strict;
