//! Blocks of the configuration, read by a table of commands as nginx's own are.

use std::ffi::{c_char, c_void};
use std::ops::RangeInclusive;

use ngx::ffi::{ngx_command_t, ngx_conf_include, ngx_conf_parse, ngx_conf_t};

use super::{Conf, ConfError, NGX_CONF_ERROR, NGX_CONF_OK};
use crate::boundary::boundary;

/// Takes the words of a directive in a block, the name included.
pub type SetInBlock<B> = fn(&mut Conf<'_>, &mut B, &[&[u8]]) -> Result<(), ConfError>;

/// A directive that may stand in a block whose lines build a `B`.
pub struct BlockCommand<B> {
    /// Its name.
    pub name: &'static str,
    /// How many words may follow the name.
    pub arguments: RangeInclusive<usize>,
    /// Whether it may stand several times.
    pub repeats: bool,
    /// Takes the words, the name included.
    pub set: SetInBlock<B>,
}

/// A block while it is being read.
struct OpenBlock<'b, B> {
    name: &'b str,
    build: &'b mut B,
    commands: &'b [BlockCommand<B>],
    /// Which of the commands have stood already.
    seen: Vec<bool>,
}

impl Conf<'_> {
    /// Reads the block whose `{` was just seen: each of its lines is one of `commands`; `include` works inside. `name` is the
    /// directive that the block belongs to, for messages.
    ///
    /// # Errors
    ///
    /// [`ConfError::Reported`] when something in the block is wrong.
    pub fn block<B>(
        &mut self,
        name: &str,
        build: &mut B,
        commands: &[BlockCommand<B>],
    ) -> Result<(), ConfError> {
        let mut block = OpenBlock { name, build, commands, seen: vec![false; commands.len()] };
        // SAFETY: the callback's ngx_conf_t is copied as ngx_http_upstream() does it (src/http/ngx_http_upstream.c).
        let mut nested = unsafe { std::ptr::read(self.as_ptr()) };
        nested.handler = Some(block_line::<B>);
        nested.handler_conf = (&raw mut block).cast();
        // SAFETY: `nested` and `block` outlive the call; a null name means the rest of the current block.
        let answer = unsafe { ngx_conf_parse(&raw mut nested, std::ptr::null_mut()) };
        if answer == NGX_CONF_OK { Ok(()) } else { Err(ConfError::Reported) }
    }
}

unsafe extern "C" fn block_line<B>(
    cf: *mut ngx_conf_t,
    command: *mut ngx_command_t,
    block: *mut c_void,
) -> *mut c_char {
    boundary(NGX_CONF_ERROR, || {
        // SAFETY: the parser's own ngx_conf_t; the one of `Conf::block` is borrowed meanwhile.
        let Some(mut conf) = (unsafe { Conf::from_ptr(cf) }) else { return NGX_CONF_ERROR };
        let words = conf.words();
        if words.first() == Some(&&b"include"[..]) {
            if words.len() != 2 {
                return conf.answer(Err("\"include\" takes one file name".into()));
            }
            // SAFETY: `cf` carries this handler, so the included file's lines come here too.
            return unsafe { ngx_conf_include(cf, command, block) };
        }
        // SAFETY: `block` is the `OpenBlock<B>` of the `Conf::block` call that is still running, which does not use it meanwhile.
        let Some(block) = (unsafe { block.cast::<OpenBlock<'_, B>>().as_mut() }) else {
            return NGX_CONF_ERROR;
        };
        let result = block.line(&mut conf, &words);
        conf.answer(result)
    })
}

impl<B> OpenBlock<'_, B> {
    fn line(&mut self, cf: &mut Conf<'_>, words: &[&[u8]]) -> Result<(), ConfError> {
        let (word, arguments) = words.split_first().ok_or("an empty line")?;
        let found = self.commands.iter().zip(&mut self.seen);
        let mut found = found.filter(|(command, _)| command.name.as_bytes() == *word);
        let Some((command, seen)) = found.next() else {
            let (word, name) = (word.escape_ascii(), self.name);
            return Err(format!("unknown directive \"{word}\" in {name}").into());
        };
        if !command.arguments.contains(&arguments.len()) {
            let (word, name) = (word.escape_ascii(), self.name);
            return Err(format!("invalid number of arguments in \"{word}\" of {name}").into());
        }
        if std::mem::replace(seen, true) && !command.repeats {
            let (word, name) = (word.escape_ascii(), self.name);
            return Err(format!("duplicate \"{word}\" in {name}").into());
        }
        (command.set)(cf, self.build, words)
    }
}
