//! Learning as a job: the functions of the command, with inputs out of an upload or the project.

use super::analyses::{kept_before, told};
use super::upload_files::UploadFiles;
use super::{Teller, project_dir};
use crate::failure::Failure;
use crate::learn::inputs::{self, Named, Source};
use crate::learn::{keep, kept, summary};
use learning::module::{apply, fit};
use network::Diagnostic;
use serde_json::Value;
use server::jobs::{LearnInput, LearnParams, Spec};
use store::analyses::{Analysis, Writer};

/// Fits a module or asks a kept model, and keeps the answer's tables.
///
/// # Errors
/// Inputs that cannot be read, data that do not do, a model that is not there, a folder that cannot be written.
pub fn run(spec: &Spec, params: &LearnParams, teller: &Teller) -> Result<Value, Failure> {
    if let Some(told) = kept_before(spec)? {
        return Ok(told);
    }
    let project = project_dir(spec)?;
    let asked = match &params.model {
        Some(name) => Some(kept(project, name, params.version)?),
        None => None,
    };
    let id = asked.as_ref().map_or_else(|| params.module.clone().unwrap_or_default(), |(_, model)| model.card.module.clone());
    let module = learning::modules::find(&id).map_err(Failure::new)?;
    teller.stage("Reading the inputs");
    let root = spec.upload.as_deref().unwrap_or(project);
    let files = UploadFiles::new(root).map_err(|e| crate::result_folder::cannot("read", root, &e))?;
    let (question, mut findings) = inputs::read(module.about(), &named(params), &files, Some(project))?.question();
    teller.stage(if asked.is_some() { "Asking the model" } else { "Learning" });
    let (answer, version) = match &asked {
        Some((of, model)) => (apply(module, model, &question).map_err(Failure::new)?, Some(of.clone())),
        None => {
            let answer = fit(module, &question).map_err(Failure::new)?;
            let version = params.keep.as_ref().map(|name| keep(project, name, &answer, &spec.user, &id, Some(&spec.job))).transpose()?;
            (answer, version)
        }
    };
    findings.extend(answer.notes.iter().cloned());
    teller.findings(&findings);
    teller.stage("Writing the tables");
    let mut writer = Writer::begin(project, &spec.job)?;
    for table in &answer.tables {
        writer.table(table.name, table.meaning, [table.batch()])?;
    }
    let network = params.inputs.values().find_map(|i| i.network.as_ref().map(|n| (n.clone(), i.version.unwrap_or_default())));
    let analysis = Analysis {
        format: 0,
        id: spec.job.clone(),
        study: "learning".to_owned(),
        network: network.as_ref().map(|n| n.0.clone()).unwrap_or_default(),
        version: network.map_or(0, |n| n.1),
        params: serde_json::to_value(params).unwrap_or_default(),
        author: spec.user.clone(),
        time_utc: crate::project::now(),
        engine_version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: summary(&answer, version.as_ref()),
        findings: findings.into_iter().take(200).collect::<Vec<Diagnostic>>(),
        tables: Vec::new(),
    };
    Ok(told(&writer.commit(analysis)?))
}

/// What the parameters name, as words of the command would.
fn named(params: &LearnParams) -> Named {
    let source = |i: &LearnInput| match (&i.file, &i.sql) {
        (Some(file), _) => Source::File(file.clone()),
        (_, Some(query)) => Source::Sql(query.clone()),
        _ => Source::Stored(i.network.clone(), i.version),
    };
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    Named {
        inputs: params.inputs.iter().map(|(name, i)| (name.clone(), source(i))).collect(),
        columns: params.inputs.iter().map(|(name, i)| (name.clone(), i.columns.clone())).collect(),
        settings: params.settings.iter().map(|(name, v)| (name.clone(), text(v))).collect(),
    }
}
