// How a node connects to another one's peer port.
#ifndef SYNOD_SERVICES_RPC_PEER_CHANNEL_H_
#define SYNOD_SERVICES_RPC_PEER_CHANNEL_H_

#include <memory>
#include <string>

#include "grpcpp/channel.h"

namespace synod::rpc {

// A connection of its own to host:port, that is found again within a second of the peer's restart.
std::shared_ptr<grpc::Channel> ConnectToPeer(const std::string& address);

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_PEER_CHANNEL_H_
