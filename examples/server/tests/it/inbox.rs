//! The inbox, with the real program and real databases: SQLite, and PostgreSQL if it is installed.

mod backup;
mod commands;
pub(crate) mod crash;
mod csv;
pub(crate) mod deliveries;
mod duplicates;
mod erase;
mod forward;
#[cfg(unix)]
mod half_open;
mod migrations;
mod panics;
#[cfg(unix)]
mod pgbouncer;
mod postgres_only;
#[cfg(unix)]
mod read_only;
mod retention;
pub(crate) mod search;
mod session_settings;
mod settings;
mod sqlite_file;
mod sqlite_only;
mod stored;
mod unusual;

crate::support::on_each_database! {
    stored::stores_every_payload_with_its_columns_and_redacted_headers,
    stored::records_the_label_of_the_secret,
    stored::does_not_store_unverified_requests,
    stored::is_ready_with_its_database,
    unusual::stores_any_verified_body,
    unusual::stores_any_event_id,
    duplicates::responds_with_200_to_duplicates_and_changes_nothing,
    duplicates::stores_64_concurrent_duplicates_once,
    duplicates::stores_different_deliveries_with_the_same_event_id,
    migrations::adopts_a_database_migrated_by_sqlx_without_losing_data,
    migrations::four_listeners_start_concurrently_on_a_new_database,
    migrations::four_listeners_start_concurrently_on_a_database_migrated_by_sqlx,
    migrations::rejects_a_database_migrated_by_a_newer_listener,
    crash::sigkill_loses_no_acknowledged_delivery_and_duplicates_none,
    retention::deletes_the_data_of_old_deliveries_and_still_detects_duplicates,
    panics::restarts_what_panics,
    retention::zero_days_keep_all_deliveries,
    migrations::reading_commands_reject_a_database_without_tables,
    commands::list_prints_a_heading_and_a_line_for_each_delivery,
    commands::show_prints_the_exported_delivery,
    commands::replay_does_not_change_the_delivery,
    commands::reports_a_missing_delivery_in_one_line,
    forward::sends_deliveries_as_tawk_to_sent_them_the_oldest_first,
    forward::fails_unless_every_response_is_2xx,
    forward::sends_the_deliveries_since_a_time,
    commands::prints_no_terminal_escape_sequences,
    search::finds_words_of_all_scripts_in_names_subjects_and_messages,
    search::filters_by_event_chat_property_person_and_time,
    search::list_prints_the_newest_first_and_continues,
    search::finds_deliveries_however_far_apart_their_ids_are,
    search::export_of_a_person_includes_deliveries_without_the_name,
    search::makes_earlier_deliveries_searchable,
    search::stores_and_searches_any_text,
    csv::exports_a_row_for_each_message,
    csv::a_spreadsheet_runs_no_cell,
    erase::prints_what_it_would_erase,
    erase::erases_the_deliveries_of_an_email_address_and_of_their_chats,
    erase::erases_a_chat_or_a_ticket,
    erase::what_is_pending_for_an_erased_delivery_is_not_sent,
}
