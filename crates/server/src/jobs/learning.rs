//! Parameters of learning: a module that is fitted, or a kept model that is asked.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Longest query of an input, bytes.
const QUERY_MAX: usize = 64 << 10;

/// Where an input comes from: one of the three.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LearnInput {
    /// File of the upload: a table or a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Query of the project's lake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// Network of the project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Of the network; the newest unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Headers by column, where the header is another.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
}

/// What is fitted, or asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LearnParams {
    /// Module to fit, as `GET /api/learning/modules` lists them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Kept model to ask, in place of a module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Of the model; the newest unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Name under which the fitted model is kept, as its next version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<String>,
    /// Upload with the files of the inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    pub inputs: BTreeMap<String, LearnInput>,
    /// Texts, numbers or truths by name.
    #[schema(value_type = Object)]
    pub settings: BTreeMap<String, Value>,
}

impl LearnParams {
    /// Ranges that the types leave open.
    ///
    /// # Errors
    /// The field at fault, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        match (&self.module, &self.model) {
            (Some(module), None) => {
                if let Err(findings) = learning::modules::find(module) {
                    return Err(("module", findings.first().map_or_else(String::new, |d| d.message.clone())));
                }
            }
            (None, Some(name)) if !store::models::is_name(name) => return Err(("model", format!("\"{name}\" is no name of a model"))),
            (None, Some(_)) => {}
            _ => return Err(("module", "a module to fit or a model to ask is named, one of them".into())),
        }
        if self.version.is_some() && self.model.is_none() {
            return Err(("version", "a version is that of a model; name it".into()));
        }
        if let Some(name) = &self.keep {
            if self.module.is_none() {
                return Err(("keep", "only what is fitted can be kept".into()));
            }
            if !store::models::is_name(name) {
                return Err(("keep", "a name has lower-case letters, digits, hyphens and underscores, 64 at most".into()));
            }
        }
        for (name, input) in &self.inputs {
            let given = [input.file.is_some(), input.sql.is_some(), input.network.is_some()].iter().filter(|g| **g).count();
            if given != 1 {
                return Err(("inputs", format!("{name} comes from a file, a query or a network, one of them")));
            }
            if input.file.is_some() && self.upload.is_none() {
                return Err(("upload", format!("{name} is a file, and no upload is named")));
            }
            if input.version.is_some() && input.network.is_none() {
                return Err(("inputs", format!("{name} has a version and names no network")));
            }
            if input.sql.as_ref().is_some_and(|q| q.len() > QUERY_MAX) {
                return Err(("inputs", format!("a query has at most {QUERY_MAX} bytes")));
            }
        }
        if let Some((name, _)) = self.settings.iter().find(|(_, v)| v.is_array() || v.is_object() || v.is_null()) {
            return Err(("settings", format!("{name} is a text, a number or a truth")));
        }
        Ok(())
    }
}
