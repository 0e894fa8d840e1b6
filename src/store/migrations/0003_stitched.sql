-- How often a departure in a stay was found to be none; then its two halves became one.
alter table window add column stitched integer not null default 0;
