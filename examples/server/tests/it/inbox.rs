//! The inbox, in a real process with real databases: each promise is kept on SQLite and on
//! PostgreSQL, where that is installed.

mod commands;
mod crash;
mod deliveries;
mod migrations;
mod odd;
mod postgres_alone;
mod repeats;
mod retention;
mod settings;
mod sqlite_alone;
mod sqlite_file;
mod stored;

crate::support::on_each_database! {
    stored::every_payload_is_stored_once_with_all_there_is_to_know,
    stored::the_secret_that_verified_is_named,
    stored::what_is_not_verified_is_not_stored,
    stored::a_listener_with_its_database_is_ready,
    odd::no_body_is_too_odd_to_be_stored,
    odd::no_event_id_is_too_odd_to_be_stored,
    repeats::a_repeat_is_answered_200_and_changes_nothing,
    repeats::the_same_delivery_64_times_at_once_is_stored_once,
    repeats::different_deliveries_with_the_same_event_id_are_all_stored,
    migrations::a_database_that_sqlx_migrated_is_adopted_and_loses_nothing,
    migrations::four_listeners_that_start_at_once_on_a_new_database_all_do,
    migrations::four_listeners_that_start_at_once_on_a_database_of_sqlx_all_do,
    migrations::a_database_that_a_newer_listener_has_migrated_is_rejected,
    crash::nothing_acknowledged_is_lost_and_nothing_is_stored_twice,
    retention::what_is_old_loses_its_data_and_is_still_known,
    retention::zero_days_keep_everything,
    commands::a_table_has_a_heading_and_a_line_for_each_delivery,
    commands::one_delivery_is_shown_as_it_is_exported,
    commands::a_delivery_is_acted_on_again_and_stays_as_it_is,
    commands::a_delivery_that_is_not_there_is_said_so_in_one_line,
    commands::what_people_wrote_cannot_command_a_terminal,
}
