//! `weft:app/clipboard`: the text is appd's. Each function is linked on its own, in whichever interface and version it is imported.

use super::apps::UNEXPECTED;
use crate::state::State;
use wasmtime::Result as WasmResult;
use wasmtime::component::Linker;
use weft_ipc::host::MAX_CLIPBOARD_LEN;
use weft_ipc::session::{Answer, Ask};

/// Links `read`.
pub fn link_read(linker: &mut Linker<State>) -> WasmResult<()> {
    for interface in ["weft:app/clipboard@0.1.0", "weft:app/clipboard@0.2.0", "weft:app/clipboard-read@0.2.0"]
    {
        linker.instance(interface)?.func_wrap_async("read", |store, (): ()| {
            let answer = store.data().ask(Ask::ReadClipboard);
            Box::new(async move { Ok((text(answer.await),)) })
        })?;
    }
    Ok(())
}

/// Links `write`.
pub fn link_write(linker: &mut Linker<State>) -> WasmResult<()> {
    for interface in
        ["weft:app/clipboard@0.1.0", "weft:app/clipboard@0.2.0", "weft:app/clipboard-write@0.2.0"]
    {
        linker.instance(interface)?.func_wrap_async("write", |store, (text,): (String,)| {
            let allowed = check(&text);
            let done = store.data().order(Ask::WriteClipboard { text });
            Box::new(async move {
                let outcome = match allowed {
                    Ok(()) => done.await,
                    Err(reason) => Err(reason),
                };
                Ok((outcome,))
            })
        })?;
    }
    Ok(())
}

fn text(answer: Result<Answer, String>) -> Result<String, String> {
    match answer? {
        Answer::Text { text } => Ok(text),
        _ => Err(UNEXPECTED.to_owned()),
    }
}

fn check(text: &str) -> Result<(), String> {
    if text.len() > MAX_CLIPBOARD_LEN {
        return Err(format!("the text is {} bytes long, over the limit of {MAX_CLIPBOARD_LEN}", text.len()));
    }
    Ok(())
}
