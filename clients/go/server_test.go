package bonafide_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"bonafide"
	"bonafide/identity"
)

// A server that is played: every call that succeeds answers what the test says, or a message that is empty but for its id.
type server struct {
	identity.UnimplementedVerificationSessionServiceServer
	identity.UnimplementedVerificationReportServiceServer
	identity.UnimplementedFileServiceServer
	identity.UnimplementedTestHelperServiceServer
	identity.UnimplementedCaptureServiceServer

	// Sees every call that is no stream before it is answered, with its number, from 1; an error refuses it.
	before func(ctx context.Context, number int, request any) error

	create       func(*identity.CreateVerificationSessionRequest) *identity.VerificationSession
	get          func(*identity.GetVerificationSessionRequest) *identity.VerificationSession
	listSessions func(*identity.ListVerificationSessionsRequest) *identity.ListVerificationSessionsResponse
	listReports  func(*identity.ListVerificationReportsRequest) *identity.ListVerificationReportsResponse
	// One for each stream that is opened; the last one answers all others, too.
	watches   []func(grpc.ServerStreamingServer[identity.VerificationSession]) error
	downloads []func(grpc.ServerStreamingServer[identity.DownloadFileResponse]) error

	mutex       sync.Mutex
	calls       int
	watched     int
	downloaded  int
	connections []net.Conn
	away        bool
}

const (
	sessionID = "vs_1"
	key       = "sk_live_of_the_backend"
	secret    = "vs_1_secret_of_the_person"
)

// Starts the server on loopback, and answers a client of it.
func play(t *testing.T, s *server, options ...bonafide.Option) *bonafide.Client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(grpc.MaxRecvMsgSize(16<<20), grpc.UnaryInterceptor(s.intercept))
	identity.RegisterVerificationSessionServiceServer(g, s)
	identity.RegisterVerificationReportServiceServer(g, s)
	identity.RegisterFileServiceServer(g, s)
	identity.RegisterTestHelperServiceServer(g, s)
	identity.RegisterCaptureServiceServer(g, s)
	go g.Serve(&keepingListener{listener, s})
	t.Cleanup(g.Stop)
	client, err := bonafide.NewClient("http://"+listener.Addr().String(), key, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// A person of a session of the server.
func person(t *testing.T, client *bonafide.Client) *bonafide.Person {
	t.Helper()
	secret := secret
	person, err := client.Person(&identity.VerificationSession{Id: sessionID, ClientSecret: &secret})
	if err != nil {
		t.Fatal(err)
	}
	return person
}

// Remembers the connections, for tests that break them.
type keepingListener struct {
	net.Listener
	server *server
}

func (l *keepingListener) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	if err == nil {
		l.server.mutex.Lock()
		defer l.server.mutex.Unlock()
		if l.server.away {
			connection.Close()
		}
		l.server.connections = append(l.server.connections, connection)
	}
	return connection, err
}

// Ends all connections without a word, also new ones until it comes back.
func (s *server) leave() {
	s.mutex.Lock()
	s.away = true
	s.mutex.Unlock()
	s.breakConnections()
}

func (s *server) comeBack() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.away = false
}

// How many streams of watches were opened.
func (s *server) opened() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.watched
}

// Ends all connections without a word.
func (s *server) breakConnections() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, connection := range s.connections {
		connection.Close()
	}
	s.connections = nil
}

func (s *server) intercept(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	s.mutex.Lock()
	s.calls++
	number := s.calls
	s.mutex.Unlock()
	if s.before != nil {
		if err := s.before(ctx, number, request); err != nil {
			return nil, err
		}
	}
	return handler(ctx, request)
}

// How many calls that are no streams arrived.
func (s *server) received() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.calls
}

func (s *server) CreateVerificationSession(
	_ context.Context, request *identity.CreateVerificationSessionRequest,
) (*identity.VerificationSession, error) {
	if s.create != nil {
		return s.create(request), nil
	}
	return &identity.VerificationSession{Id: sessionID}, nil
}

func (s *server) GetVerificationSession(
	_ context.Context, request *identity.GetVerificationSessionRequest,
) (*identity.VerificationSession, error) {
	if s.get != nil {
		return s.get(request), nil
	}
	return &identity.VerificationSession{Id: request.GetVerificationSession()}, nil
}

func (s *server) UpdateVerificationSession(
	_ context.Context, request *identity.UpdateVerificationSessionRequest,
) (*identity.VerificationSession, error) {
	return &identity.VerificationSession{Id: request.GetVerificationSession()}, nil
}

func (s *server) CancelVerificationSession(
	_ context.Context, request *identity.CancelVerificationSessionRequest,
) (*identity.VerificationSession, error) {
	return &identity.VerificationSession{Id: request.GetVerificationSession()}, nil
}

func (s *server) RedactVerificationSession(
	_ context.Context, request *identity.RedactVerificationSessionRequest,
) (*identity.VerificationSession, error) {
	return &identity.VerificationSession{Id: request.GetVerificationSession()}, nil
}

func (s *server) ListVerificationSessions(
	_ context.Context, request *identity.ListVerificationSessionsRequest,
) (*identity.ListVerificationSessionsResponse, error) {
	if s.listSessions != nil {
		return s.listSessions(request), nil
	}
	return &identity.ListVerificationSessionsResponse{}, nil
}

func (s *server) WatchVerificationSession(
	_ *identity.WatchVerificationSessionRequest, stream grpc.ServerStreamingServer[identity.VerificationSession],
) error {
	s.mutex.Lock()
	s.watched++
	answer := s.watches[min(s.watched, len(s.watches))-1]
	s.mutex.Unlock()
	return answer(stream)
}

func (s *server) GetVerificationReport(
	_ context.Context, request *identity.GetVerificationReportRequest,
) (*identity.VerificationReport, error) {
	return &identity.VerificationReport{Id: request.GetVerificationReport()}, nil
}

func (s *server) ListVerificationReports(
	_ context.Context, request *identity.ListVerificationReportsRequest,
) (*identity.ListVerificationReportsResponse, error) {
	if s.listReports != nil {
		return s.listReports(request), nil
	}
	return &identity.ListVerificationReportsResponse{}, nil
}

func (s *server) GetFile(_ context.Context, request *identity.GetFileRequest) (*identity.File, error) {
	return &identity.File{Id: request.GetFile()}, nil
}

func (s *server) ListFiles(context.Context, *identity.ListFilesRequest) (*identity.ListFilesResponse, error) {
	return &identity.ListFilesResponse{Data: []*identity.File{{Id: "file_1"}, {Id: "file_2"}}}, nil
}

func (s *server) DownloadFile(
	_ *identity.DownloadFileRequest, stream grpc.ServerStreamingServer[identity.DownloadFileResponse],
) error {
	s.mutex.Lock()
	s.downloaded++
	answer := s.downloads[min(s.downloaded, len(s.downloads))-1]
	s.mutex.Unlock()
	return answer(stream)
}

func (s *server) CreateFileLink(_ context.Context, request *identity.CreateFileLinkRequest) (*identity.FileLink, error) {
	return &identity.FileLink{File: request.GetFile()}, nil
}

func (s *server) SimulateVerification(
	_ context.Context, request *identity.SimulateVerificationRequest,
) (*identity.VerificationSession, error) {
	return &identity.VerificationSession{Id: request.GetVerificationSession()}, nil
}

func (s *server) UploadImage(_ context.Context, request *identity.UploadImageRequest) (*identity.File, error) {
	return &identity.File{Size: uint64(len(request.GetData()))}, nil
}

func (s *server) SubmitVerificationSession(
	context.Context, *identity.SubmitVerificationSessionRequest,
) (*identity.SubmitVerificationSessionResponse, error) {
	return &identity.SubmitVerificationSessionResponse{Status: processing}, nil
}

func (s *server) LeaveVerificationSession(
	context.Context, *identity.LeaveVerificationSessionRequest,
) (*identity.LeaveVerificationSessionResponse, error) {
	return &identity.LeaveVerificationSessionResponse{Status: requiresInput}, nil
}

const (
	requiresInput = identity.VerificationSessionStatus_VERIFICATION_SESSION_STATUS_REQUIRES_INPUT
	processing    = identity.VerificationSessionStatus_VERIFICATION_SESSION_STATUS_PROCESSING
	verified      = identity.VerificationSessionStatus_VERIFICATION_SESSION_STATUS_VERIFIED
	canceled      = identity.VerificationSessionStatus_VERIFICATION_SESSION_STATUS_CANCELED
)

// A refusal as the services answer it.
func refusal(code codes.Code, reason bonafide.Reason, more ...protoadapt.MessageV1) error {
	info := &errdetails.ErrorInfo{Domain: "bonafide.identity", Reason: string(reason)}
	refused, err := status.New(code, "no").WithDetails(append(more, info)...)
	if err != nil {
		panic(err)
	}
	return refused.Err()
}

func retryAfter(delay time.Duration) protoadapt.MessageV1 {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(delay)}
}

// Every call of a client that is no stream, by name.
func everyCall(t *testing.T, client *bonafide.Client) map[string]func(context.Context) error {
	calls := everyChange(t, client)
	more := map[string]func(context.Context) error{
		"sessions.get":      func(ctx context.Context) error { return second(client.Sessions.Get(ctx, sessionID)) },
		"sessions.list":     func(ctx context.Context) error { return second(client.Sessions.List(ctx, nil)) },
		"reports.get":       func(ctx context.Context) error { return second(client.Reports.Get(ctx, "vr_1")) },
		"reports.list":      func(ctx context.Context) error { return second(client.Reports.List(ctx, nil)) },
		"files.get":         func(ctx context.Context) error { return second(client.Files.Get(ctx, "file_1")) },
		"files.list":        func(ctx context.Context) error { return second(client.Files.List(ctx, sessionID)) },
		"files.create_link": func(ctx context.Context) error { return second(client.Files.CreateLink(ctx, "file_1", time.Second)) },
	}
	for name, call := range more {
		calls[name] = call
	}
	return calls
}

// Every call that changes something.
func everyChange(t *testing.T, client *bonafide.Client) map[string]func(context.Context) error {
	person := person(t, client)
	return map[string]func(context.Context) error{
		"sessions.create": func(ctx context.Context) error { return second(client.Sessions.Create(ctx, nil)) },
		"sessions.update": func(ctx context.Context) error { return second(client.Sessions.Update(ctx, nil)) },
		"sessions.cancel": func(ctx context.Context) error { return second(client.Sessions.Cancel(ctx, sessionID)) },
		"sessions.redact": func(ctx context.Context) error { return second(client.Sessions.Redact(ctx, sessionID)) },
		"simulate":        func(ctx context.Context) error { return second(client.TestHelpers.Simulate(ctx, nil)) },
		"person.upload": func(ctx context.Context) error {
			return second(person.Upload(ctx, identity.ImagePurpose_IMAGE_PURPOSE_SELFIE, []byte("picture")))
		},
		"person.submit": func(ctx context.Context) error { return second(person.Submit(ctx)) },
		"person.leave": func(ctx context.Context) error {
			return second(person.Leave(ctx, identity.VerificationErrorCode_VERIFICATION_ERROR_CODE_CONSENT_DECLINED))
		},
	}
}

func second[T any](_ T, err error) error {
	return err
}
