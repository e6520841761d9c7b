#include "kubectl-lite/tabwriter.h"

#include <algorithm>
#include <utility>

namespace minik::kubectl {
namespace {

std::size_t width_of(const std::string& cell) {
  return static_cast<std::size_t>(std::count_if(
      cell.begin(), cell.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

void TabWriter::write(std::string_view text) {
  for (const char c : text) {
    if (c == '\t')
      lines_.back().emplace_back();
    else if (c == '\n')
      lines_.push_back(Line{""});
    else
      lines_.back().back() += c;
  }
}

std::string TabWriter::flush() {
  std::string out;
  std::vector<std::size_t> widths;
  format(out, widths, 0, lines_.size());
  lines_.assign(1, Line{""});
  return out;
}

// The width of `column` in the block that starts at `line`; moves `line` behind the block.
std::size_t TabWriter::column_width(std::size_t column, std::size_t& line, std::size_t last) {
  std::size_t width = layout_.min_width;
  for (; line < last && column + 1 < lines_[line].size(); ++line) {
    width = std::max(width, width_of(lines_[line][column]) + layout_.padding);
  }
  if (!layout_.remember) return width;
  if (remembered_.size() <= column) remembered_.resize(column + 1, 0);
  remembered_[column] = std::max(remembered_[column], width);
  return remembered_[column];
}

void TabWriter::format(std::string& out, std::vector<std::size_t>& widths, std::size_t first,
                       std::size_t last) {
  const std::size_t column = widths.size();
  for (std::size_t line = first; line < last; ++line) {
    if (column + 1 >= lines_[line].size()) continue;
    emit(out, widths, first, line);
    first = line;
    widths.push_back(column_width(column, line, last));
    format(out, widths, first, line);
    widths.pop_back();
    first = line;
    --line;
  }
  emit(out, widths, first, last);
}

void TabWriter::emit(std::string& out, const std::vector<std::size_t>& widths, std::size_t first,
                     std::size_t last) const {
  for (std::size_t i = first; i < last; ++i) {
    const Line& line = lines_[i];
    for (std::size_t j = 0; j < line.size(); ++j) {
      out += line[j];
      const std::size_t used = width_of(line[j]);
      if (j < widths.size() && j + 1 < line.size() && widths[j] > used) out.append(widths[j] - used, ' ');
    }
    if (i + 1 < lines_.size()) out += '\n';  // The last line has not ended yet.
  }
}

}  // namespace minik::kubectl
