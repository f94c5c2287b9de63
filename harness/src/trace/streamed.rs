//! The capture of a running case: written while the case runs, annotated after it was judged.

use super::{CaptureError, CaptureWriter, Comments, Trace, Vantage, frame_number};
use pcap_file::PcapError;
use std::io::{self, BufReader, Read, Seek, Write};

/// Octets that wait before they are written.
const CHUNK: usize = 1 << 16;

/// Writes events as they happen, in whole blocks, so that the file is valid whenever the case is killed.
pub struct StreamedCapture<F: Write> {
    writer: CaptureWriter<Vec<u8>>,
    file: F,
    /// Where each event begins in the file.
    starts: Vec<u64>,
    written: u64,
    failed: Option<io::Error>,
}

impl<F: Write> StreamedCapture<F> {
    /// Begins a capture of these vantages.
    ///
    /// # Errors
    /// When the format refuses the vantages.
    pub fn new(file: F, vantages: &[Vantage]) -> Result<Self, CaptureError> {
        let writer = CaptureWriter::new(Vec::with_capacity(2 * CHUNK), vantages)?;
        Ok(Self { writer, file, starts: Vec::new(), written: 0, failed: None })
    }

    /// Takes the next event of the trace. A file that takes no more is told by [`StreamedCapture::annotate`]: the case goes on.
    pub fn event(&mut self, trace: &Trace, index: usize) {
        self.starts.push(self.written + self.writer.sink().len() as u64);
        if self.failed.is_some() {
            return;
        }
        if let Err(error) = self.writer.event(trace, &trace.events[index], &[]) {
            self.failed = Some(io::Error::other(error));
        }
        if self.writer.sink().len() >= CHUNK {
            self.flush();
        }
    }

    /// Whether the file was written to: what a short case does fits into memory until it has ended.
    pub fn has_spilled(&self) -> bool {
        self.written > 0
    }

    fn flush(&mut self) {
        let waiting = self.writer.sink();
        if waiting.is_empty() || self.failed.is_some() {
            return;
        }
        let result = self.file.write_all(waiting);
        self.written += waiting.len() as u64;
        waiting.clear();
        if let Err(error) = result {
            self.failed.get_or_insert(error);
        }
    }
}

impl<F: Read + Write + Seek> StreamedCapture<F> {
    /// Writes the whole capture of the trace again, with comments. Only blocks that get one are encoded anew.
    ///
    /// # Errors
    /// When the file could not be written, or the sink fails.
    pub fn annotate<W: Write>(mut self, sink: W, trace: &Trace, comments: &Comments) -> Result<W, CaptureError> {
        if let Some(error) = self.failed.take() {
            return Err(CaptureError::Format(PcapError::IoError(error)));
        }
        let rest = std::mem::take(self.writer.sink());
        let end = self.written + rest.len() as u64;
        let start = |index: usize| self.starts.get(index).copied().unwrap_or(end);
        if self.written > 0 {
            self.file.rewind().map_err(PcapError::IoError)?;
        }
        let mut source = BufReader::with_capacity(CHUNK, (&mut self.file).take(self.written)).chain(rest.as_slice());
        let mut writer = CaptureWriter::new(sink, &trace.vantages)?;
        pass(&mut source, start(0), &mut io::sink())?;
        let mut passed = start(0);
        for (index, event) in trace.events.iter().enumerate() {
            let Some(own) = comments.get(&frame_number(index)) else { continue };
            pass(&mut source, start(index) - passed, writer.sink())?;
            writer.event(trace, event, own)?;
            pass(&mut source, start(index + 1) - start(index), &mut io::sink())?;
            passed = start(index + 1);
        }
        pass(&mut source, end - passed, writer.sink())?;
        Ok(writer.into_inner())
    }
}

impl<F: Write> Drop for StreamedCapture<F> {
    /// A case that panics leaves all that it did.
    fn drop(&mut self) {
        self.flush();
    }
}

/// Hands so many octets on. [`io::copy`] would ask the system to do it, and the many short ranges between comments cost a call each.
fn pass(source: &mut impl io::BufRead, mut octets: u64, sink: &mut impl Write) -> Result<(), CaptureError> {
    while octets > 0 {
        let there = source.fill_buf().map_err(PcapError::IoError)?;
        if there.is_empty() {
            return Err(CaptureError::Format(PcapError::IoError(io::ErrorKind::UnexpectedEof.into())));
        }
        let taken = there.len().min(usize::try_from(octets).unwrap_or(usize::MAX));
        sink.write_all(&there[..taken]).map_err(PcapError::IoError)?;
        source.consume(taken);
        octets -= taken as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Body, Event};
    use std::cell::RefCell;
    use std::io::Cursor;

    fn trace(events: usize) -> Trace {
        let step = |index| Event { at: index as u64, body: Body::Step { text: format!("step {index} {}", "x".repeat(index % 300)) } };
        Trace { events: (0..events).map(step).collect(), ..Trace::default() }
    }

    fn streamed(trace: &Trace) -> StreamedCapture<Cursor<Vec<u8>>> {
        let mut capture = StreamedCapture::new(Cursor::new(Vec::new()), &trace.vantages).expect("memory takes everything");
        (0..trace.events.len()).for_each(|index| capture.event(trace, index));
        capture
    }

    #[test]
    fn an_annotated_capture_equals_one_that_is_written_with_its_comments() {
        for events in [0, 1, 2, 1_000] {
            let trace = trace(events);
            for commented in [vec![], vec![1], vec![1, 2, 7, 1_000], (1..=1_000).collect::<Vec<u32>>()] {
                let comments: Comments = commented.iter().map(|frame| (*frame, vec!["seen".to_owned(), "twice".to_owned()])).collect();
                let whole = CaptureWriter::trace(Vec::new(), &trace, &comments).expect("memory takes everything");
                let copied = streamed(&trace).annotate(Vec::new(), &trace, &comments).expect("memory takes everything");
                assert!(whole == copied, "{events} events, comments at {commented:?}");
            }
        }
    }

    #[test]
    fn a_short_case_touches_the_file_only_when_it_ends_too_early() {
        let trace = trace(10);
        let file = RefCell::new(Vec::new());
        let mut capture = StreamedCapture::new(Shared(&file), &trace.vantages).expect("nothing is written yet");
        (0..10).for_each(|index| capture.event(&trace, index));
        assert!(!capture.has_spilled() && file.borrow().is_empty());
        drop(capture);
        let whole = CaptureWriter::trace(Vec::new(), &trace, &Comments::new()).expect("memory takes everything");
        assert!(*file.borrow() == whole, "all that happened is there");
    }

    #[test]
    fn a_long_case_spills_whole_blocks() {
        let trace = trace(1_000);
        let capture = streamed(&trace);
        assert!(capture.has_spilled());
        let whole = CaptureWriter::trace(Vec::new(), &trace, &Comments::new()).expect("memory takes everything");
        let spilled = capture.file.get_ref();
        assert!(whole.starts_with(spilled) && capture.starts.contains(&(spilled.len() as u64)));
    }

    struct Shared<'a>(&'a RefCell<Vec<u8>>);

    impl Write for Shared<'_> {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_told_when_the_capture_is_annotated() {
        let trace = trace(1_000);
        let mut capture = StreamedCapture::new(Full, &trace.vantages).expect("nothing is written yet");
        (0..trace.events.len()).for_each(|index| capture.event(&trace, index));
        assert!(capture.annotate(Vec::new(), &trace, &Comments::new()).is_err());
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Read for Full {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Ok(0)
        }
    }

    impl Seek for Full {
        fn seek(&mut self, _: io::SeekFrom) -> io::Result<u64> {
            Ok(0)
        }
    }
}
