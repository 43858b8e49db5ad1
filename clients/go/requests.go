package bonafide

import "google.golang.org/protobuf/proto"

// A message of the contract.
type message[M any] interface {
	*M
	proto.Message
}

// A copy of a request that may be changed: the one that was given is its owner's. An empty one where none was given.
func copied[M any, P message[M]](request P) P {
	if request == nil {
		return new(M)
	}
	return proto.Clone(request).(P)
}
