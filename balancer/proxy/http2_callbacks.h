// nghttp2's callbacks of an Http2Session: from its C interface to streams and owner. Included by
// http2_session.cc alone.
#ifndef SYNOD_BALANCER_PROXY_HTTP2_CALLBACKS_H_
#define SYNOD_BALANCER_PROXY_HTTP2_CALLBACKS_H_

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "balancer/proxy/http2_session.h"
#include "common/check.h"

namespace synod::balancer {

struct Http2Session::Callbacks {
  static Http2Session* Self(void* user_data) { return static_cast<Http2Session*>(user_data); }

  static int OnBeginHeaders(nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
    Http2Session* self = Self(user_data);
    self->headers_stream_ = frame->hd.stream_id;
    self->headers_since_ = self->loop_->now();
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    Stream* stream = self->owner_->OnNewStream(frame->hd.stream_id);
    if (stream == nullptr) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                NGHTTP2_REFUSED_STREAM);
      return 0;
    }
    self->Register(stream, frame->hd.stream_id);
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
    return 0;
  }

  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t flags,
                      void* user_data) {
    Http2Session* self = Self(user_data);
    Stream* stream = self->Find(frame->hd.stream_id);
    if (stream == nullptr || stream->incoming_too_large_) return 0;
    if (stream->incoming_.wire_size() + name_size + value_size + 32 >
        self->options_.max_header_bytes) {
      stream->incoming_too_large_ = true;
      stream->incoming_.Clear();
      return 0;
    }
    stream->incoming_.Add(absl::string_view(reinterpret_cast<const char*>(name), name_size),
                          absl::string_view(reinterpret_cast<const char*>(value), value_size),
                          (flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0);
    return 0;
  }

  static int OnFrameReceived(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    return Self(user_data)->ReceiveFrame(*frame);
  }

  static int OnInvalidFrame(nghttp2_session*, const nghttp2_frame*, int, void* user_data) {
    Self(user_data)->owner_->OnInvalidFrame();
    return 0;
  }

  static int OnDataChunk(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                         void* user_data) {
    Http2Session* self = Self(user_data);
    Stream* stream = self->Find(id);
    if (stream == nullptr) {
      self->ReleaseConnection(size);
      return 0;
    }
    const size_t before = self->HeldBeyond();
    self->held_ += size;
    self->ReleaseConnection(size - (self->HeldBeyond() - before));
    stream->OnData(absl::string_view(reinterpret_cast<const char*>(data), size));
    return 0;
  }

  static int OnStreamClose(nghttp2_session*, int32_t id, uint32_t code, void* user_data) {
    Http2Session* self = Self(user_data);
    // A section that was invalid, or whose stream was reset meanwhile, is never received whole.
    if (id == self->headers_stream_) self->headers_stream_ = 0;
    Stream* stream = self->Find(id);
    if (stream != nullptr) {
      self->Unregister(stream);
      stream->OnClose({.code = code,
                       .reset_by_peer = stream->reset_by_peer_,
                       .unprocessed = code == NGHTTP2_REFUSED_STREAM});
    }
    self->owner_->OnStreamClosed();
    return 0;
  }

  static int BeforeFrameSend(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    Http2Session* self = Self(user_data);
    if (frame->hd.type != NGHTTP2_HEADERS || self->options_.server) return 0;
    Stream* stream = self->Find(frame->hd.stream_id);
    if (stream != nullptr && stream->first_byte_ == Stream::kNotSerialized) {
      stream->first_byte_ = self->output_total_;
    }
    return 0;
  }

  static int OnFrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    Http2Session* self = Self(user_data);
    self->owner_->OnFrame(*frame, /*sent=*/true);
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
      self->close_when_written_ = true;
    }
    const bool can_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (can_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      if (Stream* stream = self->Find(frame->hd.stream_id)) stream->OnSendComplete();
    }
    return 0;
  }

  static ssize_t ReadBody(nghttp2_session*, int32_t id, uint8_t*, size_t length, uint32_t* flags,
                          nghttp2_data_source*, void* user_data) {
    return Self(user_data)->ReadBody(id, length, flags);
  }

  static int SendData(nghttp2_session*, nghttp2_frame* frame, const uint8_t* frame_header,
                      size_t length, nghttp2_data_source*, void* user_data) {
    Http2Session* self = Self(user_data);
    if (self->output_.size() >= kOutputLimit) return NGHTTP2_ERR_WOULDBLOCK;
    Stream* stream = self->Find(frame->hd.stream_id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    self->output_.Append(absl::string_view(reinterpret_cast<const char*>(frame_header), 9));
    stream->body.Send(length, self->output_);
    self->output_total_ += 9 + length;
    stream->OnSent(length);
    return 0;
  }

  static nghttp2_session_callbacks* Make() {
    nghttp2_session_callbacks* callbacks;
    SYNOD_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, OnBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrameReceived);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, OnInvalidFrame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnDataChunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnStreamClose);
    nghttp2_session_callbacks_set_before_frame_send_callback(callbacks, BeforeFrameSend);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, OnFrameSent);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, SendData);
    return callbacks;
  }
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_HTTP2_CALLBACKS_H_
