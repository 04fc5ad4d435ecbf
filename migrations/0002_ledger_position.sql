-- What changes: audit_reader may look at the sequence of the ledger, by which `serve` learns that something was recorded (ADR 62).
-- Locks: none that anybody waits for. Online: yes.
-- Undo by hand: revoke select on sequence audit_ledger_seq from audit_reader.
grant select on sequence audit_ledger_seq to audit_reader;
