drop table checkpoint, tile, leaf, event_pending, event_payload, event, log_state;
drop function refuse_change(), refuse_payload_change();
