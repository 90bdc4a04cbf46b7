package rest

import (
	"context"
	"encoding/json"
	"math"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/group"
)

// groupOrTopic reads where messages are: in the topic that TopicId names, or in the
// group itself.
func groupOrTopic(o object) (string, error) {
	id, err := groupID(o)
	if err != nil {
		return "", err
	}
	topic, err := o.text("TopicId", maxGroupText)
	switch {
	case err != nil:
		return "", err
	case topic == nil || *topic == "":
		return id, nil
	}
	if of, _, ok := frame.CutTopic(*topic); !ok || of != id {
		return "", bad("TopicId is not that of a topic of GroupId: it begins with GroupId and @TOPIC#_")
	}
	return *topic, nil
}

// topicFields reads GroupId, TopicId and the profile of a topic, as a call of groups
// takes them.
func topicFields(o object) (fields, error) {
	id, err := groupID(o)
	if err != nil {
		return nil, err
	}
	p := fields{"groupID": id}
	if err := o.texts(map[string]string{
		"TopicId": "topicID", "TopicName": "topicName", "FaceUrl": "avatar",
		"Introduction": "introduction", "Notification": "notification", "CustomString": "customData",
	}, maxGroupText, p); err != nil {
		return nil, err
	}
	return p, muteField(o, "MuteAllMember", p)
}

// createTopic: {"GroupId", "TopicName", "TopicId"?, "FaceUrl"?, "Introduction"?,
// "Notification"?, "CustomString"?, "MuteAllMember"?: "On" or "Off"}.
func (a *API) createTopic(ctx context.Context, c *call) (reply, error) {
	p, err := topicFields(c.body)
	if err != nil {
		return nil, err
	}
	var made struct {
		TopicID string `json:"topicID"`
	}
	err = a.asAdmin(ctx, c, frame.TopicCreate, p, &made)
	return reply{"TopicId": made.TopicID}, err
}

// importTopic is import_topic: as createTopic, with "CreateTime"?, in s.
func (a *API) importTopic(ctx context.Context, c *call) (reply, error) {
	p, err := topicFields(c.body)
	if err == nil {
		p["createTime"], err = c.body.number("CreateTime", 0, math.MaxUint32, 0)
	}
	if err != nil {
		return nil, err
	}
	var made struct {
		TopicID string `json:"topicID"`
	}
	err = a.asAdmin(ctx, c, group.ServerImportTopic, p, &made)
	return reply{"TopicId": made.TopicID}, err
}

// modifyTopic: {"GroupId", "TopicId"} and what is to change, as in createTopic.
func (a *API) modifyTopic(ctx context.Context, c *call) (reply, error) {
	p, err := topicFields(c.body)
	if err == nil && p["topicID"] == nil {
		err = bad("TopicId is missing")
	}
	if err != nil {
		return nil, err
	}
	return nil, a.asAdmin(ctx, c, frame.TopicUpdate, p, nil)
}

// namedTopics reads GroupId and TopicIdList.
func namedTopics(o object) (p fields, ids []string, err error) {
	id, err := groupID(o)
	if err != nil {
		return nil, nil, err
	}
	list, err := o.list("TopicIdList", maxTopicsNamed)
	if err != nil {
		return nil, nil, err
	}
	ids = make([]string, len(list))
	for i, raw := range list {
		if json.Unmarshal(raw, &ids[i]) != nil {
			return nil, nil, bad("TopicIdList[%d] is not a string", i)
		}
	}
	return fields{"groupID": id, "topicIDs": ids}, ids, nil
}

// topicFailure says why a call did nothing for one of the topics that it named.
type topicFailure struct {
	TopicID string     `json:"topicID"`
	Code    fault.Code `json:"code"`
	Message string     `json:"message"`
}

// destroyTopics is destroy_topic: {"GroupId", "TopicIdList": [TopicId]}. What is wrong
// with one topic is in its own ErrorCode.
func (a *API) destroyTopics(ctx context.Context, c *call) (reply, error) {
	p, ids, err := namedTopics(c.body)
	if err != nil {
		return nil, err
	}
	var out struct {
		Failures []topicFailure `json:"failures"`
	}
	if err := a.asAdmin(ctx, c, frame.TopicDelete, p, &out); err != nil {
		return nil, err
	}
	failed := map[string]topicFailure{}
	for _, f := range out.Failures {
		failed[f.TopicID] = f
	}
	items := make([]fields, len(ids))
	for i, id := range ids {
		items[i] = fields{"TopicId": id, "ErrorCode": failed[id].Code, "ErrorInfo": failed[id].Message}
	}
	return reply{"DestroyResultItem": items}, nil
}

// getTopics is get_topic: {"GroupId", "TopicIdList"?: [TopicId]}, all topics without a
// list, the oldest first. What is wrong with one topic is in its own ErrorCode.
func (a *API) getTopics(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	p := fields{"groupID": id}
	if c.body.has("TopicIdList") {
		if p, _, err = namedTopics(c.body); err != nil {
			return nil, err
		}
	}
	items, failures := []fields{}, []topicFailure(nil)
	for {
		var page struct {
			Topics   []group.Topic  `json:"topics"`
			Failures []topicFailure `json:"failures"`
			Next     string         `json:"next"`
		}
		if err := a.asAdmin(ctx, c, frame.TopicList, p, &page); err != nil {
			return nil, err
		}
		for _, t := range page.Topics {
			items = append(items, fields{"ErrorCode": 0, "ErrorInfo": "", "TopicInfo": topicInfo(id, t)})
		}
		failures = append(failures, page.Failures...)
		if p["next"] = page.Next; page.Next == "" {
			break
		}
	}
	for _, f := range failures {
		items = append(items, fields{"ErrorCode": f.Code, "ErrorInfo": f.Message, "TopicInfo": fields{"TopicId": f.TopicID}})
	}
	return reply{"TopicAndSelfInfo": items}, nil
}

// topicInfo is a topic as the server API shows it.
func topicInfo(groupID string, t group.Topic) fields {
	mute := shutUpOff
	if t.MuteAllMembers {
		mute = shutUpOn
	}
	return fields{
		"GroupId": groupID, "TopicId": t.TopicID, "TopicName": t.TopicName, "FaceUrl": t.Avatar,
		"Introduction": t.Introduction, "Notification": t.Notification, "CustomString": t.CustomData, "MuteAllMember": mute,
	}
}
