//! Telling somebody, in a real process with real databases and receivers: that it is told once,
//! whatever becomes of the receiver, the listener or the delivery.

mod commands;
mod crash;
mod deliveries;
mod failures;
mod metrics;
mod outbox;
mod receiver;
mod retention;
mod settings;
mod several;
mod stop;
mod told;

crate::support::on_each_database! {
    told::an_agents_reply_is_told_once_on_every_channel_however_often_it_is_delivered,
    told::of_the_payloads_agents_replies_and_tickets_are_told,
    failures::a_receiver_that_fails_or_asks_for_time_is_told_again_with_the_same_key,
    commands::notifications_are_listed_as_waiting_sent_and_failed_with_the_reason,
    commands::a_replay_is_told_again_with_another_key,
    commands::a_replay_that_tells_nobody_is_said_so_in_one_line,
    metrics::notifications_are_counted_by_state_channel_and_outcome,
    retention::notifications_go_with_their_deliveries,
    retention::what_waited_while_nobody_listened_is_told_however_old_it_is,
    retention::what_waits_for_an_address_that_is_gone_fails,
    retention::what_waits_for_an_address_that_has_left_is_said_at_the_start,
    stop::what_is_under_way_is_finished_and_what_waits_is_told_after_the_start,
}
