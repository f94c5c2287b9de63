//! The capture of a running case: written while the case runs, annotated after it was judged.

use super::{CaptureError, CaptureWriter, Comments, Trace, Vantage, frame_number};
use pcap_file::PcapError;
use std::io::{self, Read, Seek, SeekFrom, Write};

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

    fn flush(&mut self) {
        let waiting = self.writer.sink();
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
        self.flush();
        if let Some(error) = self.failed {
            return Err(CaptureError::Format(PcapError::IoError(error)));
        }
        let start = |index: usize| self.starts.get(index).copied().unwrap_or(self.written);
        let mut writer = CaptureWriter::new(sink, &trace.vantages)?;
        let mut copied = start(0);
        for (index, event) in trace.events.iter().enumerate() {
            let Some(own) = comments.get(&frame_number(index)) else { continue };
            copy(&mut self.file, copied..start(index), writer.sink())?;
            writer.event(trace, event, own)?;
            copied = start(index + 1);
        }
        copy(&mut self.file, copied..self.written, writer.sink())?;
        Ok(writer.into_inner())
    }
}

fn copy(file: &mut (impl Read + Seek), range: std::ops::Range<u64>, sink: &mut impl Write) -> Result<(), CaptureError> {
    let octets = range.end - range.start;
    if octets == 0 {
        return Ok(());
    }
    let copied = file.seek(SeekFrom::Start(range.start)).and_then(|_| io::copy(&mut file.take(octets), sink));
    match copied {
        Ok(copied) if copied == octets => Ok(()),
        Ok(_) => Err(CaptureError::Format(PcapError::IoError(io::ErrorKind::UnexpectedEof.into()))),
        Err(error) => Err(CaptureError::Format(PcapError::IoError(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Body, Event};
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
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Ok(0)
        }
    }
}
