#include "kserve_http/load_report.h"

#include <gtest/gtest.h>

namespace tfe::kserve_http {
namespace {

std::string metrics(std::string_view used, std::string_view max, std::string_view per) {
  const auto line = [](std::string_view type, std::string_view value) {
    return "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"" + std::string(type) +
           "\",model=\"m\",version=\"1\"} " + std::string(value) + "\n";
  };
  return "# HELP nv_trt_llm_kv_cache_block_metrics of \"used\"\n" + line("fraction", "9") +
         line("used", used) + line("max", max) + line("tokens_per", per) + "other 1\n";
}

TEST(LoadReport, BothFormats) {
  const std::string text = metrics("400", "1000", "64");
  EXPECT_EQ(load_report(text, LoadFormat::kAsJson),
            R"(JSON {"named_metrics":{"kv_cache_utilization":0.4,"max_token_capacity":64000}})");
  EXPECT_EQ(load_report(text, LoadFormat::kAsText),
            "TEXT named_metrics.kv_cache_utilization=0.400000, "
            "named_metrics.max_token_capacity=64000");
}

TEST(LoadReport, NumbersOfThePrometheusFormat) {
  EXPECT_EQ(load_report(metrics("5e+2", "1.0E3 1700000000000", "+6.4e01"), LoadFormat::kAsJson),
            R"(JSON {"named_metrics":{"kv_cache_utilization":0.5,"max_token_capacity":64000}})");
  EXPECT_EQ(load_report(metrics("3", "0", "64"), LoadFormat::kAsJson),
            R"(JSON {"named_metrics":{"kv_cache_utilization":0.0,"max_token_capacity":0}})");
  EXPECT_EQ(load_report(metrics("0", "1e300", "1"), LoadFormat::kAsJson)->substr(0, 4), "JSON");
  for (const char* bad : {"", "x", "1x", "NaN", "+Inf"}) {
    EXPECT_EQ(load_report(metrics(bad, "1", "1"), LoadFormat::kAsJson), std::nullopt) << bad;
  }
}

TEST(LoadReport, TheLastValueCounts) {
  EXPECT_EQ(load_report(metrics("1", "2", "3") + metrics("2", "2", "4"), LoadFormat::kAsText),
            "TEXT named_metrics.kv_cache_utilization=1.000000, "
            "named_metrics.max_token_capacity=8");
}

TEST(LoadReport, NothingWithoutAllThree) {
  EXPECT_EQ(load_report("", LoadFormat::kAsJson), std::nullopt);
  const std::string all = metrics("1", "2", "3");
  EXPECT_EQ(load_report(all.substr(0, all.find("tokens_per")), LoadFormat::kAsJson), std::nullopt);
  EXPECT_EQ(load_report("nv_trt_llm_kv_cache_block_metrics 5\n", LoadFormat::kAsJson),
            std::nullopt);
}

TEST(LoadReport, Formats) {
  const auto wanted = [](std::string_view format) {
    const http::HeaderView header{"Endpoint-Load-Metrics-Format", format};
    http::RequestHead head;
    head.headers = {&header, 1};
    return wanted_load_format(head);
  };
  EXPECT_EQ(wanted("json"), LoadFormat::kAsJson);
  EXPECT_EQ(wanted("text"), LoadFormat::kAsText);
  EXPECT_EQ(wanted("TEXT"), std::nullopt);
  EXPECT_EQ(wanted("xml"), std::nullopt);
  EXPECT_EQ(wanted_load_format({}), std::nullopt);
}

}  // namespace
}  // namespace tfe::kserve_http
