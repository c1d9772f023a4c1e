//! Notifications, with the real program, databases and receivers: each is sent once, whatever
//! happens to the receiver, the listener or the delivery.

mod channels;
mod commands;
mod email;
mod events;
mod failures;
mod mail_server;
mod once;
pub(crate) mod outbox;
pub(crate) mod receiver;
mod retention;
mod sent;
mod services;
mod settings;
mod telegram;

crate::support::on_each_database! {
    sent::a_reply_is_sent_once_on_every_channel_however_often_it_is_delivered,
    sent::replies_and_tickets_are_sent_by_default,
    events::an_event_signed_under_two_secrets_is_notified_once,
    events::concurrent_deliveries_of_an_event_are_notified_once,
    events::an_event_id_does_not_suppress_the_notification_of_another_event,
    failures::a_failed_notification_is_retried_with_the_same_key,
    commands::lists_waiting_sent_and_failed_notifications_with_the_error,
    commands::a_replay_is_sent_with_another_key,
    commands::a_replay_that_sends_nothing_is_an_error_in_one_line,
    commands::metrics_count_notifications_by_state_channel_and_outcome,
    retention::notifications_are_deleted_with_their_deliveries,
    retention::notifications_that_waited_while_no_listener_ran_are_sent_however_old,
    retention::notifications_of_a_removed_channel_fail_after_a_day,
    retention::waiting_notifications_of_a_removed_channel_are_logged_at_startup,
    channels::a_channel_keeps_its_number_and_reveals_nothing_of_its_url,
    channels::notifications_under_the_name_of_an_earlier_version_are_sent,
    channels::listeners_that_start_concurrently_agree_on_the_names,
    failures::an_outcome_that_cannot_be_recorded_is_recorded_later_and_not_sent_again,
    once::shutdown_finishes_what_is_in_flight_and_a_restart_sends_the_rest,
}
