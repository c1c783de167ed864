//! Frames: four bytes of length, then so many bytes.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Writes a frame.
///
/// # Errors
///
/// What the connection gives; `InvalidInput` for more bytes than a length can say.
pub async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a message of more than 4 GiB"))?;
    to.write_all(&length.to_be_bytes()).await?;
    to.write_all(bytes).await?;
    to.flush().await
}

/// Reads a frame; `None` when the other side has closed between two frames.
///
/// # Errors
///
/// What the connection gives; `InvalidData` for a frame above the limit, of which nothing is read; `UnexpectedEof` for one that is cut off.
pub async fn read(from: &mut (impl AsyncRead + Unpin), limit: u32) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    let mut had = 0;
    while had < 4 {
        match from.read(&mut length[had..]).await? {
            0 if had == 0 => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => had += n,
        }
    }
    let length = u32::from_be_bytes(length);
    if length > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes, {limit} are allowed")));
    }
    // Memory grows with what comes, not with what was announced.
    let mut bytes = Vec::new();
    from.take(u64::from(length)).read_to_end(&mut bytes).await?;
    if bytes.len() == length as usize { Ok(Some(bytes)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn frames_come_back_and_spoilt_ones_are_refused() {
        run(async {
            let mut bytes = Vec::new();
            for frame in [b"one".as_slice(), b"", b"three"] {
                write(&mut bytes, frame).await.unwrap();
            }
            let mut from = bytes.as_slice();
            assert_eq!(read(&mut from, 5).await.unwrap().unwrap(), b"one");
            assert_eq!(read(&mut from, 5).await.unwrap().unwrap(), b"");
            assert_eq!(read(&mut from, 5).await.unwrap().unwrap(), b"three");
            assert_eq!(read(&mut from, 5).await.unwrap(), None);
            assert_eq!(read(&mut [0, 0, 0, 6, 1].as_slice(), 5).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
            assert_eq!(read(&mut [0, 0, 0, 5, 1].as_slice(), 5).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
            assert_eq!(read(&mut [0, 0].as_slice(), 5).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        });
    }
}
