//! Every flow case and every recording under the journal: cut off after each of its effects and resumed, it gives
//! the same result, and nothing that was recorded is done again.

mod cut;
mod world;

use std::sync::Arc;

use millrace_engine::{
    ChatInput, Dialect, InputType, Journal, Leniency, MemoryJournal, MemorySessions, OutputSelection, Plan,
    ProcessInputs, Run, RunError, Services, Sessions, Tweaks, parse, process, run_chat,
};
use serde_json::{Map, Value as Json, json};

use crate::{flows, recordings, recordings_06};
use cut::Cut;
use world::{Web, services};

/// A flow and the calls made of it, one after the other in one conversation.
struct Story {
    name: String,
    data: Json,
    calls: Vec<StoryCall>,
}

/// A call and what its models say.
struct StoryCall {
    body: Json,
    replies: Vec<crate::provider::Reply>,
}

/// What was counted over a story.
#[derive(Default)]
struct Counted {
    runs: usize,
    effects: usize,
}

#[tokio::test(flavor = "current_thread")]
async fn every_recording_is_resumed_after_each_of_its_effects() {
    let Some(folder) = recordings::folder("langflow-0.6") else { return };
    let mut stories = Vec::new();
    let mut skipped = Vec::new();
    for path in recordings::goldens(&folder) {
        let recording = recordings::read(&path, recordings::PROVIDER_06);
        let data = recordings_06::flow_data(&folder, &recording, recordings::PROVIDER_06);
        let missing = recordings::missing(&data);
        match missing.is_empty() {
            true => stories.push(recorded(recordings::name(&path), data, &recording)),
            false => skipped.push((recordings::name(&path), missing)),
        }
    }
    let ran: Vec<String> = stories.iter().map(|story| story.name.clone()).collect();
    recordings::report("resumed", &ran, &skipped);
    tell(&stories, Some(folder.join("fixtures"))).await;
}

#[tokio::test(flavor = "current_thread")]
async fn every_flow_case_is_resumed_after_each_of_its_effects() {
    let stories: Vec<Story> = flows::stories(recordings::PROVIDER_06)
        .into_iter()
        .map(|(name, data, calls)| {
            let calls = calls.into_iter().map(|(body, replies)| StoryCall { body, replies }).collect();
            Story { name, data, calls }
        })
        .collect();
    assert!(stories.len() >= 12);
    tell(&stories, Some(flows::root())).await;
}

fn recorded(name: String, data: Json, recording: &Json) -> Story {
    let calls = recording["turns"].as_array().unwrap().iter().map(|turn| StoryCall {
        body: turn["request"]["body"].clone(),
        replies: recordings_06::replies(turn),
    });
    Story { name, data, calls: calls.collect() }
}

async fn tell(stories: &[Story], fixtures: Option<std::path::PathBuf>) {
    let (mut counted, mut faults) = (Counted::default(), Vec::new());
    for story in stories {
        if let Err(fault) = resume_everywhere(story, fixtures.clone(), &mut counted).await {
            faults.push(format!("{}: {fault}", story.name));
        }
    }
    println!(
        "{} flows, {} effects, each cut after once: {} runs resumed",
        stories.len(),
        counted.effects,
        counted.runs
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(counted.effects > 0);
}

/// Tells a story once without a cut, then once for each effect of each of its calls with a cut after it.
async fn resume_everywhere(
    story: &Story,
    fixtures: Option<std::path::PathBuf>,
    counted: &mut Counted,
) -> Result<(), String> {
    let flow = parse(&story.data).map_err(|e| e.to_string());
    let plan = flow
        .and_then(|flow| Plan::new(flow, &millrace_components::registry(), false).map_err(|e| e.to_string()));
    // A flow that cannot be planned has no effects; other tests say what comes of it.
    let Ok(plan) = plan else { return Ok(()) };
    let whole = Teller { story, plan: &plan, fixtures: &fixtures, cut: None };
    let undisturbed = whole.tell().await?;
    for (call, done) in undisturbed.iter().enumerate() {
        for after in 1..=done.records {
            let cut = Teller { cut: Some((call, after)), ..whole };
            let told = cut.tell().await.map_err(|fault| format!("call {call} cut after {after}: {fault}"))?;
            let (resumed, wanted) = (&told[call], done);
            if resumed.result != wanted.result {
                return Err(format!(
                    "call {call} cut after {after}: {:?}, undisturbed {:?}",
                    resumed.result, wanted.result
                ));
            }
            if resumed.asked + resumed.recorded != wanted.asked {
                return Err(format!(
                    "call {call} cut after {after}: {} model calls were recorded and {} made after it, undisturbed {}",
                    resumed.recorded, resumed.asked, wanted.asked
                ));
            }
            counted.runs += 1;
        }
        counted.effects += done.records;
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Teller<'a> {
    story: &'a Story,
    plan: &'a Arc<Plan>,
    fixtures: &'a Option<std::path::PathBuf>,
    /// Which call is cut, and after how many records.
    cut: Option<(usize, usize)>,
}

/// What came of a call.
struct Done {
    result: Result<Json, String>,
    records: usize,
    /// Model calls that were recorded at the cut.
    recorded: usize,
    /// Requests to models: all of them, or those after the cut.
    asked: usize,
}

impl Teller<'_> {
    /// The calls, each with a journal of its own, over one conversation, until the cut one is done.
    async fn tell(&self) -> Result<Vec<Done>, String> {
        let web = Arc::new(Web::new(self.fixtures.clone()));
        let kept = services(&web, self.fixtures.as_deref());
        let mut conversation: Arc<dyn Sessions> = Arc::new(MemorySessions::default());
        let mut done = Vec::new();
        for (i, call) in self.story.calls.iter().enumerate() {
            if call.body["session_id"].is_null() {
                conversation = Arc::new(MemorySessions::default());
            }
            let services = Services { sessions: conversation.clone(), ..kept.clone() };
            let cut = self.cut.filter(|(at, _)| *at == i).map(|(_, after)| after);
            done.push(self.call(i, call, &web, services, cut).await?);
            if cut.is_some() {
                break;
            }
        }
        Ok(done)
    }

    async fn call(
        &self,
        place: usize,
        call: &StoryCall,
        web: &Arc<Web>,
        services: Services,
        cut: Option<usize>,
    ) -> Result<Done, String> {
        web.script(call.replies.clone());
        let journal = Arc::new(MemoryJournal::default());
        let mut recorded = 0;
        if let Some(after) = cut {
            let cut = Arc::new(Cut::after(after, journal.clone()));
            let run = self.run(place, &call.body, services.clone(), cut.clone())?;
            tokio::select! {
                biased;
                () = cut.reached() => {}
                _ = answer(&run, &call.body) => return Err("it ended before the cut".to_owned()),
            }
            recorded = journal.records().iter().filter(|(_, record)| record.kind == "model").count();
            web.cut(recorded);
        }
        let result = match self.run(place, &call.body, services, journal.clone()) {
            Ok(run) => answer(&run, &call.body).await.map_err(|error| error.message),
            Err(refused) => Err(refused),
        };
        Ok(Done { result, records: journal.records().len(), recorded, asked: web.asked() })
    }

    fn run(
        &self,
        place: usize,
        body: &Json,
        services: Services,
        journal: Arc<dyn Journal>,
    ) -> Result<Run, String> {
        let none = Map::new();
        let tweaks = body["tweaks"].as_object().unwrap_or(&none);
        let tweaks = Tweaks::resolve(self.plan, tweaks, Leniency::Lenient).map_err(|e| e.to_string())?;
        Ok(Run {
            plan: self.plan.clone(),
            tweaks,
            task_id: format!("0197a000-0000-7000-8000-{place:012}"),
            flow_id: "5d1e0a3c-0000-4000-8000-000000000002".to_owned(),
            session_id: "s-1".to_owned(),
            clear_session: false,
            services: Services { journal, ..services },
        })
    }
}

async fn answer(run: &Run, body: &Json) -> Result<Json, RunError> {
    if run.plan.flow().dialect == Dialect::V1 {
        let value = body["input_value"].as_str().map(str::to_owned);
        let input = ChatInput { value, input_type: InputType::Any };
        return Ok(run_chat(run, &input, &OutputSelection::Any).await?.outputs);
    }
    let object = |value: &Json| value.as_object().cloned().unwrap_or_default();
    let inputs = match &body["inputs"] {
        Json::Array(list) => ProcessInputs::Many(list.iter().map(object).collect()),
        one => ProcessInputs::One(object(one)),
    };
    Ok(json!(process(run, inputs).await?.result))
}
