#include "kubectl-lite/failure.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/files.h"
#include "kubectl-lite/kubeconfig_file.h"
#include "kubectl-lite/websocket_client.h"

namespace minik::kubectl {
namespace {

std::string shown(int http, const std::string& status) { return server_error(http, status).message(); }

TEST(Failure, PrintsStatusesAsKubectl) {
  EXPECT_EQ(shown(404, R"({"kind":"Status","reason":"NotFound","message":"pods \"x\" not found"})"),
            "Error from server (NotFound): pods \"x\" not found");
  EXPECT_EQ(
      shown(
          422,
          R"({"kind":"Status","reason":"Invalid","message":"m","details":{"kind":"Service","name":"bad","causes":[)"
          R"({"field":"spec.ports","message":"Required value"}]}})"),
      "The Service \"bad\" is invalid: spec.ports: Required value");
  EXPECT_EQ(
      shown(
          422,
          R"({"kind":"Status","reason":"Invalid","message":"m","details":{"kind":"Service","name":"bad","causes":[)"
          R"({"field":"a","message":"x"},{"field":"b","message":"y"},{"field":"a","message":"x"}]}})"),
      "The Service \"bad\" is invalid: \n* a: x\n* b: y");
  EXPECT_EQ(shown(422, R"({"kind":"Status","reason":"Invalid","message":"m"})"), "The request is invalid: m");
  EXPECT_EQ(shown(401, R"({"kind":"Status","reason":"Unauthorized","message":"Unauthorized"})"),
            "error: You must be logged in to the server (Unauthorized)");
  EXPECT_EQ(shown(500, R"({"kind":"Status","message":"oops"})"), "Error from server: oops");
  EXPECT_EQ(shown(404, "page"),
            "Error from server (NotFound): the server could not find the requested resource");
  EXPECT_EQ(shown(502, "bad gateway\n"), "Error from server: HTTP 502: bad gateway");
  EXPECT_EQ(server_error(404, R"({"kind":"Status","reason":"NotFound","message":"m"})", "deleting", "f.yaml")
                .message(),
            "Error from server (NotFound): error when deleting \"f.yaml\": m");
}

TEST(Failure, KeepsTheCode) {
  EXPECT_EQ(server_error(409, R"({"kind":"Status","reason":"Conflict","message":"m"})").code(),
            Code::kConflict);
  EXPECT_EQ(server_error(404, "x").code(), Code::kNotFound);
  EXPECT_EQ(exit_code(failed("x")), 1);
  EXPECT_EQ(exit_code(usage("x")), 2);
}

const Json kConfig = *parse_json(R"({"current-context":"minik",
  "clusters":[{"name":"minik","cluster":{"server":"https://127.0.0.1:6443","certificate-authority-data":"Q0E="}},
              {"name":"six","cluster":{"server":"https://[::1]:7000/path","insecure-skip-tls-verify":true}},
              {"name":"plain","cluster":{"server":"http://x"}}],
  "users":[{"name":"minik","user":{"client-certificate-data":"Q0VSVA==","client-key-data":"S0VZ"}},
           {"name":"t","user":{"token":"abc"}}],
  "contexts":[{"name":"minik","context":{"cluster":"minik","user":"minik","namespace":"team"}},
              {"name":"minik-six","context":{"cluster":"six","user":"t"}},
              {"name":"plain","context":{"cluster":"plain","user":"t"}}]})");

TEST(Kubeconfig, ChoosesTheContext) {
  EXPECT_EQ(*choose_context(kConfig, "", ""), "minik");
  EXPECT_EQ(*choose_context(kConfig, "", "six"), "minik-six");
  EXPECT_EQ(*choose_context(kConfig, "", "default"), "minik");
  EXPECT_EQ(*choose_context(kConfig, "plain", "six"), "plain");
  EXPECT_EQ(choose_context(kConfig, "nope", "").error().message(), "error: context \"nope\" does not exist");
  EXPECT_EQ(
      choose_context(Json::object(), "", "").error().message(),
      "error: no cluster is configured: the kubeconfig has no current context (start one with \"minik up\")");
}

TEST(Kubeconfig, ReadsClusterAndUser) {
  const auto access = access_of(kConfig, "minik");
  ASSERT_TRUE(access.ok());
  EXPECT_EQ(access->address(), "127.0.0.1:6443");
  EXPECT_EQ(access->ca, "CA");
  EXPECT_EQ(access->client_cert, "CERT");
  EXPECT_EQ(access->client_key, "KEY");
  EXPECT_EQ(access->ns, "team");
  EXPECT_TRUE(access->verify);
  const auto six = access_of(kConfig, "minik-six");
  ASSERT_TRUE(six.ok());
  EXPECT_EQ(six->address(), "[::1]:7000");
  EXPECT_EQ(six->token, "abc");
  EXPECT_FALSE(six->verify);
  EXPECT_FALSE(access_of(kConfig, "plain").ok());
}

TEST(Kubeconfig, MinifiesToOneContext) {
  const auto small = minify(kConfig, "minik-six");
  ASSERT_TRUE(small.ok());
  EXPECT_EQ((*small)["current-context"], "minik-six");
  EXPECT_EQ((*small)["clusters"].size(), 1U);
  EXPECT_EQ((*small)["users"][0]["name"], "t");
}

TEST(Kubeconfig, MergesFilesAndResolvesPaths) {
  const std::string folder = testing::TempDir() + "kubectl-lite-" + random_hex(4);
  ASSERT_TRUE(make_dirs(folder).ok());
  std::ofstream(folder + "/a")
      << "clusters: [{name: c, cluster: {server: 'https://a:1', certificate-authority: ca.pem}}]\n"
         "contexts: [{name: x, context: {cluster: c, user: u}}]\n";
  std::ofstream(folder + "/b")
      << "current-context: x\nclusters: [{name: c, cluster: {server: 'https://b:2'}}]\n";
  std::ofstream(folder + "/ca.pem") << "PEM";
  ::setenv("KUBECONFIG", (folder + "/a:" + folder + "/absent:" + folder + "/b").c_str(), 1);
  const auto config = load_kubeconfig("");
  ASSERT_TRUE(config.ok());
  const auto access = access_of(*config, *choose_context(*config, "", ""));
  ASSERT_TRUE(access.ok());
  EXPECT_EQ(access->address(), "a:1");
  EXPECT_EQ(access->ca, "PEM");
  EXPECT_FALSE(load_kubeconfig(folder + "/absent").ok());
  ASSERT_TRUE(remove_tree(folder).ok());
}

TEST(WebSocket, MasksFrames) {
  // RFC 6455 section 5.7: a masked "Hello".
  EXPECT_EQ(client_frame(Opcode::kText, "Hello", {0x37, 0xfa, 0x21, 0x3d}),
            std::string("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"));
  const std::string large = client_frame(Opcode::kBinary, std::string(70'000, 'x'), {0, 0, 0, 0});
  EXPECT_EQ(large.substr(0, 10), std::string("\x82\xff\0\0\0\0\0\x01\x11\x70", 10));
  EXPECT_EQ(large.size(), 70'000U + 14);
}

TEST(WebSocket, PutsMessagesTogether) {
  MessageReader reader;
  const std::string bytes = std::string("\x02\x02", 2) + "ab" + std::string("\x89\x00", 2) +
                            std::string("\x80\x01", 2) + "c" + std::string("\x82\x7e\x00\x03", 4) + "xyz";
  std::string seen;
  for (const char byte : bytes) {
    reader.feed({&byte, 1});
    while (true) {
      const auto message = reader.next();
      ASSERT_TRUE(message.ok());
      if (!*message) break;
      seen += std::to_string(static_cast<int>((*message)->opcode)) + ":" + (*message)->payload + " ";
    }
  }
  EXPECT_EQ(seen, "9: 2:abc 2:xyz ");
}

TEST(WebSocket, RefusesWhatTheProtocolForbids) {
  for (const std::string& bytes :
       {std::string("\x82\x80\0\0\0\0", 6), std::string("\xc2\x00", 2), std::string("\x80\x00", 2),
        std::string("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10)}) {
    MessageReader reader;
    reader.feed(bytes);
    EXPECT_FALSE(reader.next().ok());
  }
}

TEST(WebSocket, ShakesHands) {
  EXPECT_EQ(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455 section 1.3.
  EXPECT_FALSE(parse_upgrade_answer("HTTP/1.1 101 Switching"));
  const auto answer = parse_upgrade_answer(
      "HTTP/1.1 101 X\r\nsec-websocket-ACCEPT: abc\r\nSec-WebSocket-Protocol: p\r\n\r\nrest");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 101);
  EXPECT_EQ(answer->accept, "abc");
  EXPECT_EQ(answer->protocol, "p");
  EXPECT_NE(upgrade_request("/x", "h:1", "p", "k", "t").find("Authorization: Bearer t\r\n"),
            std::string::npos);
}

}  // namespace
}  // namespace minik::kubectl
