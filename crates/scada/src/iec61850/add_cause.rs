//! Causes that devices give for commands they do not carry out (`AddCause` of IEC 61850-7-2), in words.

/// Words by number.
const WORDS: [&str; 28] = [
    "no cause is told",
    "not supported",
    "blocked by the switching hierarchy: it is in local or another station has control",
    "it could not be selected",
    "the switch is in no valid position",
    "the position asked for is reached already",
    "a parameter is being changed",
    "the step limit is reached",
    "blocked by the mode of the node",
    "blocked by the process",
    "blocked by interlocking",
    "blocked by the synchrocheck",
    "another command is being carried out",
    "blocked by the health of the device",
    "another object of the group is selected",
    "it was cancelled",
    "a time limit passed",
    "a trip ended it",
    "it is not selected",
    "it is selected already",
    "no authority to access it",
    "it ended beyond the position asked for",
    "it was ended because it deviated",
    "it was ended because communication was lost",
    "blocked by a command",
    "no cause is told",
    "operation and selection do not agree",
    "another client has it",
];

/// What a number of `AddCause` says.
pub fn add_cause_words(number: i32) -> &'static str {
    usize::try_from(number).ok().and_then(|n| WORDS.get(n)).copied().unwrap_or("an unknown cause")
}
