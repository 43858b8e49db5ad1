package bonafide

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"bonafide/identity"
)

// Files are the calls about the pictures that were collected, for restricted keys.
type Files struct {
	caller *caller
	client identity.FileServiceClient
}

// Get reads what is known of a picture.
func (f *Files) Get(ctx context.Context, file string) (*identity.File, error) {
	return call(ctx, f.caller, f.client.GetFile, &identity.GetFileRequest{File: file})
}

// List answers the pictures of a session, in the order in which they were uploaded or made.
func (f *Files) List(ctx context.Context, session string) ([]*identity.File, error) {
	answer, err := call(ctx, f.caller, f.client.ListFiles, &identity.ListFilesRequest{VerificationSession: session})
	return answer.GetData(), err
}

// Download answers a picture as it was uploaded, whole: where a part of it is missing it is an error, [ErrDataLoss].
func (f *Files) Download(ctx context.Context, file string) ([]byte, error) {
	return callWithin(ctx, f.caller, transferTimeout, f.download, &identity.DownloadFileRequest{File: file})
}

// CreateLink makes an address at which a picture can be read without a key. It answers for this long, 30 seconds at most, and when it is
// zero. Whoever has the address within that time reads the picture: give it to one person, and write it down nowhere.
func (f *Files) CreateLink(ctx context.Context, file string, lifetime time.Duration) (*identity.FileLink, error) {
	request := &identity.CreateFileLinkRequest{File: file}
	if lifetime != 0 {
		request.Lifetime = durationpb.New(lifetime)
	}
	return call(ctx, f.caller, f.client.CreateFileLink, request)
}

// What is set aside for a picture at the most before it arrives, whatever the server says of its size.
const largestBuffer = 16 << 20

func (f *Files) download(ctx context.Context, request *identity.DownloadFileRequest, options ...grpc.CallOption) ([]byte, error) {
	// However this is left, the stream ends with it.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := f.client.DownloadFile(ctx, request, options...)
	if err != nil {
		return nil, err
	}
	first, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if first.GetFile() == nil {
		return nil, newError(codes.DataLoss, "the download does not begin with what it is of")
	}
	size := first.GetFile().GetSize()
	picture := append(make([]byte, 0, min(size, largestBuffer)), first.GetData()...)
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		picture = append(picture, part.GetData()...)
		if uint64(len(picture)) > size {
			break
		}
	}
	if uint64(len(picture)) != size {
		return nil, newError(codes.DataLoss, "the picture did not arrive whole: %d bytes were announced, %d arrived", size, len(picture))
	}
	return picture, nil
}
