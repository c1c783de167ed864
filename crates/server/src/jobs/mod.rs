//! Jobs: long work, done by processes of its own, one a job.

mod spec;

pub use spec::{
    ControlsParam, DemoParams, Event, ImportOptions, ImportParams, KINDS, ModeParam, NetworkParams, Progress, ReceiveParams, ReportForm,
    ReportParams, STEPS_MAX, SolveYearParams, Spec, StepLength, Task,
};
