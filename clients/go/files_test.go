package bonafide_test

import (
	"errors"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bonafide"
	"bonafide/identity"
)

type (
	downloadStream = grpc.ServerStreamingServer[identity.DownloadFileResponse]
	download       = func(downloadStream) error
)

// Sends a picture in parts, after the size that it is said to have.
func sendPicture(stream downloadStream, size uint64, parts ...string) error {
	err := stream.Send(&identity.DownloadFileResponse{File: &identity.File{Size: size}})
	for _, part := range parts {
		err = errors.Join(err, stream.Send(&identity.DownloadFileResponse{Data: []byte(part)}))
	}
	return err
}

func TestADownloadIsWholeOrAnError(t *testing.T) {
	t.Parallel()
	whole := func(stream downloadStream) error { return sendPicture(stream, 6, "pic", "", "tur") }
	early := func(stream downloadStream) error { return sendPicture(stream, 6, "pic") }
	breaks := func(stream downloadStream) error {
		return errors.Join(sendPicture(stream, 6, "pic"), status.Error(codes.Unavailable, "stopping"))
	}
	for name, test := range map[string]struct {
		answers []download
		want    string
		err     error
		opened  int
	}{
		"whole":                {[]download{whole}, "picture"[:6], nil, 1},
		"empty":                {[]download{func(stream downloadStream) error { return sendPicture(stream, 0) }}, "", nil, 1},
		"cut off":              {[]download{early, whole}, "", bonafide.ErrDataLoss, 1},
		"too long":             {[]download{func(stream downloadStream) error { return sendPicture(stream, 2, "pic") }}, "", bonafide.ErrDataLoss, 1},
		"of no size":           {[]download{func(stream downloadStream) error { return stream.Send(&identity.DownloadFileResponse{}) }}, "", bonafide.ErrDataLoss, 1},
		"nothing":              {[]download{func(downloadStream) error { return nil }}, "", bonafide.ErrDataLoss, 1},
		"of an absurd size":    {[]download{func(stream downloadStream) error { return sendPicture(stream, 1<<63, "pic") }}, "", bonafide.ErrDataLoss, 1},
		"whole the third time": {[]download{breaks, breaks, whole}, "picture"[:6], nil, 3},
		"never whole":          {[]download{breaks}, "", bonafide.ErrUnavailable, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{downloads: test.answers}
			picture, err := play(t, s).Files.Download(t.Context(), "file_1")
			if string(picture) != test.want || !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Errorf("%q, %v", picture, err)
			}
			if s.downloaded != test.opened {
				t.Errorf("%d streams", s.downloaded)
			}
		})
	}
}
