// Package media keeps the files that messages name: it issues tickets for
// uploads, takes the bytes over HTTP, makes the smaller sizes of images, serves
// files, and frees those that no message names any more. It knows neither
// sockets nor conversations: timd passes it the calls of sessions, and the inbox
// calls it with the files that a message names.
//
// # Files
//
//	media.go     Open, Close, Options, Stats
//	file.go      what is known of a file; names
//	ticket.go    tickets: who may upload one file, how large, of what kind
//	rates.go     what a user may upload in a time
//	downloads.go the downloads under way, and which has to make room
//	ports.go     what files need of a bus
//	store.go     files and references on NATS; what keeps their bytes
//	chunks.go    bytes on NATS, in chunks
//	objects.go   bytes in a bucket, an object each
//	upload.go    POST: a body becomes a file
//	content.go   what a body is, by its first bytes
//	serve.go     GET: ranges, and headers that let no file run as a page
//	sizes.go     the smaller sizes of images, made one at a time
//	queue.go     which image is next
//	scale.go     an image is decoded, scaled, turned, encoded
//	memory.go    how much memory that takes, by the image's header
//	jpeg.go      what a JPEG says besides its pixels: orientation, colours, form
//	profile.go   the colours of an image: its ICC profile is copied into smaller sizes
//	refs.go      which message names which file
//	sweep.go     files that no message names are freed
//
// # Stores
//
//	TIM_FILE   tim.file.<app>.<name>             a file: who uploaded it, what it is
//	           tim.file.<app>.<user>.left        when an account was deleted
//	           tim.file.swept                    when files were last looked through
//	TIM_MEDIA  tim.media.<app>.<name>.<part><n>  its bytes, in chunks of 256 KB
//	TIM_MREF   tim.mref.<app>.<name>.<message>   a message that names it
//
// With Options.Bucket the bytes of new files are objects <app>/<name> in a bucket, of
// a smaller size <app>/<name>_198.<part>. The entry of a file says where its bytes
// are, so that those of before are served and freed as they were. While the bucket is
// away, uploads and downloads fail with 503; nothing else asks it.
//
// A name is 26 random characters: whoever knows it may fetch the file. A file is
// first entered as begun, by compare-and-set, so that a ticket is good for one
// upload, whatever the gateway; then its chunks are stored, up to four at once;
// then it is entered as whole. A file that is not whole is not served, and is
// freed a day later. A whole file never changes. Files are in a stream of their own,
// because the sweeper walks through all of them and must not read the bytes.
//
// A smaller size of an image is a file of its own, named after the image with
// the length of its short side: NAME_198, NAME_720. It is made once the image is
// whole, or when somebody asks for it first, and freed with the image. Its entry
// may say that the image itself is served in its place. Before an image is decoded
// its smaller sizes are entered as being made: if that entry is of a process that has
// ended, the image may be why, and is served in place of them without another try.
//
// # Sending against sweeping
//
// A file that is a day old and that no message names is freed: every 6 hours one
// gateway looks through all of them (sweep.go). A message is entered as naming
// the file first, then the file is read, then the message is stored. The sweeper
// enters the file as gone first, then looks for messages, and takes its entry
// back if there is one. So either the sender sees that the file is gone, or the
// sweeper sees the message.
//
// # Memory
//
// An upload holds one chunk that is being filled, and until that is stored the first
// one, a download one chunk that is being sent; both are bounded in number
// (maxUploads, maxDownloads), and so are the chunks that are on their way to the
// store (maxWrites) and from NATS (maxReads), which breaks off a connection on which
// too much waits. Images are decoded one at a time, and only those of which everything
// fits maxDecode that their decoders and we allocate (memory.go); what a header leaves
// open counts as what takes the most.
//
// # Goroutines and locks
//
// Media.work counts the goroutines that Open begins and that Close waits for:
// the one that makes sizes and the one that sweeps. A request runs on its
// caller's goroutine; an upload has one more for each chunk that is being
// stored, and waits for them. rates.mu, downloads.mu and sizes.mu guard what stands
// behind them in their structs and are never held across a call of the store.
package media
