// TabWriter: aligns cells that are separated by tabs, as Go's text/tabwriter does, whose layout kubectl
// prints.
//
// A column is a run of consecutive lines that have a tab-terminated cell at that place; its width is that of
// its widest cell plus padding.  The last cell of a line belongs to no column.
//
// Pure: text in, text out.  Widths are counted in UTF-8 characters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace minik::kubectl {

class TabWriter {
 public:
  struct Layout {
    std::size_t min_width = 0;
    std::size_t padding = 2;
    bool remember = false;  // Columns never get narrower than they were in what was flushed before.
  };

  explicit TabWriter(Layout layout) : layout_(layout) {}
  // Tables of `get`; blocks of `describe`.
  static TabWriter for_tables() { return TabWriter({6, 3, true}); }
  static TabWriter for_blocks() { return TabWriter({0, 2, false}); }

  void write(std::string_view text);
  // What was written since the last flush, aligned.
  std::string flush();
  void forget_widths() { remembered_.clear(); }

 private:
  using Line = std::vector<std::string>;
  void format(std::string& out, std::vector<std::size_t>& widths, std::size_t first, std::size_t last);
  void emit(std::string& out, const std::vector<std::size_t>& widths, std::size_t first,
            std::size_t last) const;
  std::size_t column_width(std::size_t column, std::size_t& line, std::size_t last);

  Layout layout_;
  std::vector<Line> lines_{Line{""}};
  std::vector<std::size_t> remembered_;
};

}  // namespace minik::kubectl
