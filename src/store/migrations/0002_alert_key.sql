-- What makes two findings the same alert. Before, it was worked out again from who and what; the same here, once.
alter table alert add column key text not null default '';
update alert set key = case
  when detector = 'ip_conflict' then coalesce(attacker_ip, '')
  else coalesce(attacker_device, victim_device, 'burst')
end;
